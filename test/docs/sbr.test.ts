/** The examples of the page about sbr. */
import { page } from "./pages.ts";

page("sbr");
