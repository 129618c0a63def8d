// Every word of the page, in the two languages of the product.

const WORDS = {
  en: {
    sandbox: "sandbox", who: "Who are you?", worker: "Worker", admin: "Admin", language: "Switch to Chinese", theme: "Light or dark",
    bot: "bot", typing: "typing", upload_photo: "sending a picture", upload_document: "sending a file", offline: "connecting…", alone: "no bot is connected yet",
    block: "Block or unblock the bot", blocked: "You blocked this bot", unblock: "Unblock", start: "Start", menu: "Menu", commands: "Commands",
    message: "Message", attach: "Attach a file", send: "Send", chat: "Chat", down: "To the newest message", drop: "Drop a file to send it",
    edited: "edited", today: "Today", ok: "OK", picture: "Picture", close: "Close", about: "What can this bot do?",
    empty: "Press Start to begin.", hint: "Keys 1 – 9 tap an answer  ·  / opens the commands  ·  nothing here leaves this computer",
    refused: "Not sent", other: "中文",
  },
  zh: {
    sandbox: "沙盒", who: "您是谁？", worker: "标注员", admin: "管理员", language: "切换到英文", theme: "浅色或深色",
    bot: "机器人", typing: "正在输入", upload_photo: "正在发送图片", upload_document: "正在发送文件", offline: "正在连接…", alone: "还没有机器人连接",
    block: "屏蔽或取消屏蔽机器人", blocked: "您已屏蔽此机器人", unblock: "取消屏蔽", start: "开始", menu: "菜单", commands: "命令",
    message: "输入消息", attach: "添加文件", send: "发送", chat: "对话", down: "到最新消息", drop: "松开即可发送文件",
    edited: "已编辑", today: "今天", ok: "好", picture: "图片", close: "关闭", about: "这个机器人能做什么？",
    empty: "点击“开始”即可使用。", hint: "按 1 – 9 选择答案  ·  按 / 打开命令  ·  一切都留在这台电脑上",
    refused: "未发送", other: "EN",
  },
};

export let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
export const word = (name) => WORDS[language][name] ?? name;

export function speak(code) {
  language = code;
  localStorage.setItem("language", code);
  document.documentElement.lang = code;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", word(node.dataset.label));
    node.title = node.matches("button") ? word(node.dataset.label) : "";
    if ("placeholder" in node) node.placeholder = word(node.dataset.label);
  }
}
