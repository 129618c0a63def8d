// Bubbles: a message of the control API into elements. Text becomes text nodes and whitelisted elements, never HTML.

import { language, word } from "./words.js";

const TAG = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote",
  expandable_blockquote: "blockquote", spoiler: "span", text_link: "a", url: "a", bot_command: "button" };

export function element(tag, name = "", ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const size = (bytes) => bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;

export function day(seconds) {
  const date = new Date(seconds * 1000);
  if (date.toDateString() === new Date().toDateString()) return word("today");
  return date.toLocaleDateString(language, { day: "numeric", month: "long" });
}

function wrapped(entity, text, children, on) {
  const node = element(TAG[entity.type], entity.type, ...children);
  if (node.tagName === "A") {
    const url = entity.url ?? text;
    if (/^(https?|mailto|tg):/i.test(url)) node.href = url;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  }
  if (entity.type === "bot_command") {
    node.type = "button";
    node.onclick = () => on.say(text);
  }
  if (entity.type === "spoiler") node.onclick = () => node.classList.add("seen");
  return node;
}

// Entities are sorted by offset, the longer first; offsets are UTF-16 units, as strings here are.
export function rich(text, entities, on, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  let rest = entities.filter((entity) => TAG[entity.type]);
  while (rest.length) {
    const [entity, ...others] = rest;
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset > at) nodes.push(text.slice(at, entity.offset));
    const inside = others.filter((other) => other.offset < end);
    nodes.push(wrapped(entity, text.slice(entity.offset, end), rich(text, inside, on, entity.offset, end), on));
    at = end;
    rest = others.filter((other) => other.offset >= end);
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

function attachment(file, on) {
  const address = `/sandbox/files/${file.file_id}`;
  if (file.kind === "photo") {
    const picture = element("img");
    Object.assign(picture, { src: address, alt: word("picture"), width: file.width, height: file.height, draggable: false });
    if (Math.max(file.width, file.height) <= 96) picture.classList.add("tiny");
    const frame = element("button", "picture", picture);
    frame.type = "button";
    frame.onclick = () => on.view(address);
    return frame;
  }
  if (file.kind === "audio" || file.kind === "voice") {
    const sound = element("audio");
    Object.assign(sound, { src: address, controls: true, preload: "metadata" });
    return sound;
  }
  const link = element("a", "document",
    element("span", "paper", (file.name.split(".").at(-1) || "file").slice(0, 4)),
    element("span", "about", element("b", "", file.name), element("small", "", size(file.size))));
  link.href = address;
  link.download = file.name;
  return link;
}

function keyboard(message, on) {
  const rows = message.buttons.map((row) => element("div", "row", ...row.map((button) => {
    const key = element(button.url ? "a" : "button", "key", element("span", "", button.text));
    if (button.url) Object.assign(key, { href: button.url, target: "_blank", rel: "noopener noreferrer" });
    else Object.assign(key, { type: "button", onclick: () => on.tap(message, button, key) });
    return key;
  })));
  return element("div", "keyboard", ...rows);
}

export function bubble(message, on) {
  const words = message.text ?? message.caption ?? "";
  const body = element("div", "bubble");
  if (message.attachment) body.append(attachment(message.attachment, on));
  const stamp = element("span", "stamp", message.edited ? `${word("edited")} ` : "", clock(message.date), message.mine ? " ✓✓" : "");
  if (words) body.append(element("div", "words", ...rich(words, message.entities, on), stamp));
  else body.append(stamp);
  body.classList.toggle("bare", !words && message.attachment?.kind === "photo");
  const article = element("article", message.mine ? "mine" : "theirs", body);
  article.id = `message-${message.id}`;
  if (message.attachment?.kind === "photo") article.classList.add("pictured");
  if (message.buttons.length) article.append(keyboard(message, on));
  return article;
}
