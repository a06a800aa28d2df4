import { h } from "./dom.js";

export function view() {
  return { element: h("section", { class: "sheet" }, h("h1", null, "bin")), title: "bin" };
}
