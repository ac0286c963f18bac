# The addon for Node. The engine executable compiles the same files of native/ without node-gyp.
{
  "targets": [
    {
      "target_name": "cnibox",
      "sources": [
        "native/arguments.cc",
        "native/constants.cc",
        "native/datagram.cc",
        "native/digest.cc",
        "native/failure.cc",
        "native/file.cc",
        "native/ioctl.cc",
        "native/module.cc",
        "native/netns.cc",
        "native/path.cc",
        "native/poll.cc",
        "native/process.cc",
        "native/signal.cc",
        "native/socket.cc",
        "native/spawn.cc",
        "native/stat.cc",
        "native/text.cc",
        "native/time.cc",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS"],
      "cflags": ["-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-exceptions"],
      "ldflags": ["-Wl,--gc-sections"],
    },
  ],
}
