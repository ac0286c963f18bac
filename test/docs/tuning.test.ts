/** The examples of the page about tuning. */
import { page } from "./pages.ts";

page("tuning");
