// A runtime around the reference's libcni, as the other side of a comparison.
//
//	go-runtime add|check|del NETWORK NETNS CONTAINERID IFNAME
//
// Environment: NETCONFPATH, CNI_PATH, and CAP_ARGS (a JSON object). Prints the result of add; an error
// goes to stderr as it is, with exit status 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"
)

func main() {
	if err := carryOut(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
}

func carryOut(verb, network string, about []string) error {
	list, err := load(os.Getenv("NETCONFPATH"), network)
	if err != nil {
		return err
	}
	runtime := &libcni.RuntimeConf{ContainerID: about[1], NetNS: about[0], IfName: about[2]}
	if text := os.Getenv("CAP_ARGS"); text != "" {
		if err := json.Unmarshal([]byte(text), &runtime.CapabilityArgs); err != nil {
			return err
		}
	}
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	ctx := context.Background()
	switch verb {
	case "add":
		result, err := cni.AddNetworkList(ctx, list, runtime)
		if err != nil || result == nil {
			return err
		}
		return result.PrintTo(os.Stdout)
	case "check":
		return cni.CheckNetworkList(ctx, list, runtime)
	case "del":
		return cni.DelNetworkList(ctx, list, runtime)
	default:
		return fmt.Errorf("no such verb: %s", verb)
	}
}

func load(directory, network string) (*libcni.NetworkConfigList, error) {
	return libcni.LoadConfList(directory, network)
}
