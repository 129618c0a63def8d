// The phone: what it shows comes over a WebSocket, what the visitor does goes out by POST.

import { bubble, day, element } from "./bubbles.js";
import { language, speak, word } from "./words.js";
import { $, closeMenu, writing } from "./writing.js";

const query = new URLSearchParams(location.search);
const payload = query.get("start") ?? "";
const still = matchMedia("(prefers-reduced-motion: reduce)");
let personas = [], persona, socket, messages = new Map(), bot = {}, commands = [], blocked = false, listening = true, quiet, hushed;

const post = async (verb, body) => {
  const answer = await fetch(`/sandbox/people/${persona.id}/${verb}`, body);
  const said = await answer.json();
  if (!answer.ok) toast(`${word("refused")}: ${said.error}`);
  return said;
};
const json = (body) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const say = (text) => post("say", json({ text }));
async function sendFile(file) {
  if (file) await post(`send?${new URLSearchParams({ kind: "document", name: file.name })}`, { method: "POST", body: file });
}
const on = { say, view, tap };
const settled = new Set();

async function tap(message, button, key) {
  key.classList.add("waiting");
  const { query: id } = await post("tap", json({ message_id: message.id, data: button.data ?? "" }));
  key.dataset.query = id;
  if (settled.has(id)) key.classList.remove("waiting"); // the answer came before the tap was acknowledged
  setTimeout(() => key.classList.remove("waiting"), 15000);
}

function view(address) {
  $("viewed").src = address;
  $("viewer").showModal();
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => { $("toast").hidden = true; }, 3200);
}

function answered({ query: id, text, alert, url }) {
  settled.add(id);
  document.querySelectorAll(".key.waiting").forEach((key) => key.dataset.query === id && key.classList.remove("waiting"));
  if (url) open(url, "_blank", "noopener");
  if (!text) return;
  if (!alert) return toast(text);
  $("alerted").textContent = text;
  if (!$("alert").open) $("alert").showModal();
}

function state(action) {
  clearTimeout(hushed);
  $("state").textContent = action ? word(action === "typing" || WORDY.has(action) ? action : "typing") : word(listening ? "bot" : "alone");
  $("state").classList.toggle("busy", Boolean(action));
  if (action) hushed = setTimeout(state, 5000);
}
const WORDY = new Set(["upload_photo", "upload_document"]);

// --- the chat ---

const atEnd = () => $("chat").scrollHeight - $("chat").scrollTop - $("chat").clientHeight < 120;
const toEnd = (smooth) => $("chat").scrollTo({ top: $("chat").scrollHeight, behavior: smooth && !still.matches ? "smooth" : "instant" });

function append(message, animated) {
  const last = $("chat").querySelector("article:last-of-type");
  const label = day(message.date);
  if ($("chat").dataset.day !== label) $("chat").append(element("div", "day", element("span", "", label)));
  $("chat").dataset.day = label;
  const node = bubble(message, on);
  if (last?.className.split(" ")[0] === (message.mine ? "mine" : "theirs") && last === $("chat").lastElementChild) last.classList.add("followed");
  if (animated) node.classList.add("fresh");
  $("chat").querySelector(".welcome")?.remove();
  $("chat").append(node);
}

async function look() {
  const about = await fetch("/sandbox/").then((answer) => answer.json()).catch(() => ({ listening }));
  if (about.listening === listening) return;
  listening = about.listening;
  state();
}

function show(message, kind) {
  const follow = atEnd() || message.mine;
  messages.set(message.id, message);
  const old = $(`message-${message.id}`);
  if (kind === "edited" && old) {
    const node = bubble(message, on);
    if (old.classList.contains("followed")) node.classList.add("followed");
    node.classList.add("changed");
    const focused = old.contains(document.activeElement);
    old.replaceWith(node);
    if (focused) node.querySelector(".key")?.focus({ preventScroll: true });
  } else append(message, true);
  if (!message.mine) state();
  if (follow) toEnd(kind === "message");
  doors();
}

function remove(id) {
  messages.delete(id);
  const node = $(`message-${id}`);
  node?.classList.add("gone");
  setTimeout(() => { node?.remove(); doors(); }, still.matches ? 0 : 180);
}

function redraw() {
  $("chat").replaceChildren();
  delete $("chat").dataset.day;
  if (!messages.size) {
    $("chat").append(element("div", "welcome", element("span", "avatar big"), element("h2", "", bot.description ? word("about") : bot.first_name),
      element("p", "", bot.description || word("empty"))));
  }
  for (const message of messages.values()) append(message, false);
  $("chat").querySelectorAll("img").forEach((picture) => picture.addEventListener("load", () => toEnd(), { once: true }));
  toEnd();
  doors();
}

function doors() {
  const closed = blocked || !messages.size;
  $("start").hidden = !closed;
  $("start").textContent = word(blocked ? "unblock" : "start");
  $("write").hidden = closed;
  $("commands").hidden = !commands.length;
}

function dress() {
  $("name").textContent = bot.first_name;
  document.title = `${bot.first_name} · ${word("sandbox")}`;
  state();
}

function take(frame) {
  switch (frame.kind) {
    case "hello":
      ({ bot, commands, blocked } = frame);
      messages = new Map(frame.messages.map((message) => [message.id, message]));
      dress();
      return redraw();
    case "bot":
      ({ bot, commands } = frame);
      dress();
      return doors();
    case "message":
    case "edited": return show(frame.message, frame.kind);
    case "deleted": return remove(frame.id);
    case "answer": return answered(frame);
    case "action": return state(frame.action);
  }
}

async function become(next) {
  persona = next;
  $("toast").hidden = true;
  closeMenu();
  socket?.close();
  sessionStorage.setItem("persona", persona.role);
  for (const button of $("personas").children) button.setAttribute("aria-pressed", String(button.dataset.role === persona.role));
  await fetch("/sandbox/people", json({ id: persona.id, first_name: persona.first_name, language_code: language }));
  connect(persona.id);
}

function connect(id) {
  const line = socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sandbox/people/${id}/events`);
  line.onmessage = ({ data }) => line === socket && take(JSON.parse(data));
  line.onclose = () => {
    if (line !== socket) return;
    $("state").textContent = word("offline");
    setTimeout(() => line === socket && become(persona).catch(() => line.onclose()), 1500);
  };
}

// --- doors and the desk ---

$("start").onclick = async () => {
  if (!blocked) return say(`/start ${payload}`.trim());
  blocked = false;
  await post("block", json({ blocked }));
  doors();
};
$("block").onclick = async () => { blocked = !blocked; await post("block", json({ blocked })); if (blocked) toast(word("blocked")); doors(); };
$("down").onclick = () => toEnd(true);
$("chat").onscroll = () => { $("down").hidden = atEnd(); };

$("theme").onclick = () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
};
$("language").onclick = () => { speak(language === "en" ? "zh" : "en"); settle(); become(persona); };

function settle() {
  $("language").textContent = word("other");
  $("personas").replaceChildren(...personas.map((each) => {
    const button = element("button", "", word(each.role));
    button.type = "button";
    button.dataset.role = each.role;
    button.onclick = () => become(each);
    return button;
  }));
}

const tick = () => { $("now").textContent = new Date().toLocaleTimeString(language, { hour: "numeric", minute: "2-digit", hourCycle: "h23" }); };
setInterval(tick, 5000);
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
writing({ say, sendFile, offered: () => commands });
speak(language);
tick();
({ personas, listening } = await (await fetch("/sandbox/")).json());
setInterval(look, 2000);
const own = Number(query.get("person"));
if (own) personas = personas.map((each, place) => (place ? each : { ...each, id: own }));
settle();
await become(personas.find(({ role }) => role === (query.get("as") ?? sessionStorage.getItem("persona"))) ?? personas[0]);
