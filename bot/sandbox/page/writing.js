// The lower edge of the phone: writing, the commands' menu, files, and the keyboard's short cuts.

import { element } from "./bubbles.js";

export const $ = (id) => document.getElementById(id);
let say, sendFile, offered;

function grow() {
  $("text").style.height = "auto";
  $("text").style.height = `${Math.min($("text").scrollHeight, 132)}px`;
  $("write").classList.toggle("ready", Boolean($("text").value.trim()));
}

function openMenu(filter = "") {
  const found = offered().filter(({ command }) => command.startsWith(filter));
  $("menu").replaceChildren(...found.map(({ command, description }) => {
    const item = element("li", "", element("b", "", `/${command}`), element("span", "", description));
    item.role = "option";
    item.tabIndex = -1;
    item.onclick = () => { closeMenu(); $("text").value = ""; grow(); say(`/${command}`); $("text").focus(); };
    return item;
  }));
  $("menu").hidden = !found.length;
  $("commands").setAttribute("aria-expanded", String(!$("menu").hidden));
}

export function closeMenu() {
  $("menu").hidden = true;
  $("commands").setAttribute("aria-expanded", "false");
}

export function writing(verbs) {
  ({ say, sendFile, offered } = verbs);
  $("write").onsubmit = (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (text) say(text);
    $("text").value = "";
    grow();
    closeMenu();
  };
  $("text").oninput = () => {
    grow();
    const begun = /^\/(\w*)$/.exec($("text").value);
    if (begun) openMenu(begun[1]); else closeMenu();
  };
  $("text").onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("write").requestSubmit(); }
    if (event.key === "ArrowUp" && !$("menu").hidden) { event.preventDefault(); $("menu").lastElementChild.focus(); }
  };
  $("menu").onkeydown = (event) => {
    const item = document.activeElement;
    const step = { ArrowUp: item.previousElementSibling, ArrowDown: item.nextElementSibling ?? $("text") }[event.key];
    if (step) { event.preventDefault(); step.focus(); }
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); item.click(); }
  };
  $("commands").onclick = () => {
    if (!$("menu").hidden) return closeMenu();
    openMenu();
    $("menu").firstElementChild?.focus();
  };
  $("attach").onclick = () => $("file").click();
  $("file").onchange = async () => { await sendFile($("file").files[0]); $("file").value = ""; };
  for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    $("phone").addEventListener(name, (event) => {
      event.preventDefault();
      $("drop").hidden = !over;
      if (name === "drop") sendFile(event.dataTransfer.files[0]);
    });
  }
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { closeMenu(); $("text").focus(); }
    if (event.target.closest("textarea, dialog, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") { event.preventDefault(); $("text").value = "/"; $("text").focus(); openMenu(); grow(); }
    const keys = [...$("chat").querySelectorAll("article:has(.keyboard)")].at(-1)?.querySelectorAll(".key") ?? [];
    if (/^[1-9]$/.test(event.key)) keys[event.key - 1]?.click();
  });
}
