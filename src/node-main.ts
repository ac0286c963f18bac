/** The Node host's way in; the engine host calls `main` itself. */
import { main } from "./main.ts";
import { sys } from "./sys/sys.ts";

sys.exit(main());
