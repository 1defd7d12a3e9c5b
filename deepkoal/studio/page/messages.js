// Saying what happens: to all, to those who listen, and while something takes long.

import { Failure } from "./asking.js";

const $ = (id) => document.getElementById(id);
const PATIENCE = 200; // ms after which waiting is shown
const [NOTICE_TIME, READING_TIME] = [3000, 60]; // ms that a notice stays: all, and for each letter
const ACTION_TIME = 9000; // ms, at least, where something can be done about it

let waiting = 0;
let noticeTimer = 0;

// Report to a screen reader.
export function report(message) {
  $("status").textContent = message;
}

export function fail(error) {
  if (!(error instanceof Failure)) console.error(error);
  $("error-text").textContent = error instanceof Failure ? error.message : `This page failed (${error.message}).`;
  $("error").classList.add("shown");
}

export function hideError() {
  $("error").classList.remove("shown");
  $("error-text").textContent = "";
}

$("error-close").addEventListener("click", hideError);

// Say something in passing, with one thing that can be done about it.
export function notice(message, action = null, act = null) {
  showNotice(message, action, act);
  noticeTimer = setTimeout(hideNotice, Math.max(NOTICE_TIME + READING_TIME * message.length, action ? ACTION_TIME : 0));
}

function showNotice(message, action = null, act = null) {
  clearTimeout(noticeTimer);
  report(message);
  $("notice-text").textContent = message;
  $("notice-action").hidden = !action;
  $("notice-action").textContent = action ?? "";
  $("notice-action").onclick = () => {
    $("notice").hidden = true;
    act();
  };
  $("notice").hidden = false;
}

export function hideNotice() {
  $("notice").hidden = true;
}

// Ask something that has a few answers, [label, value]; null where it is closed without one.
export function question(text, answers) {
  const dialog = $("question");
  $("question-text").textContent = text;
  return new Promise((resolve) => {
    let chosen = null;
    const buttons = answers.map(([label, value], index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      if (!index) button.className = "primary";
      button.addEventListener("click", () => {
        chosen = value;
        dialog.close();
      });
      return button;
    });
    $("question-answers").replaceChildren(...buttons);
    dialog.addEventListener("close", () => resolve(chosen), { once: true });
    dialog.showModal();
  });
}

// Do something that may take a while or fail; report either, and say `meanwhile` in between where
// it takes long. Null where it failed.
export async function attempt(work, meanwhile = null) {
  waiting += 1;
  const timer = setTimeout(() => {
    document.body.classList.add("waiting");
    if (meanwhile) showNotice(meanwhile);
  }, PATIENCE);
  try {
    return await work();
  } catch (error) {
    fail(error);
    return null;
  } finally {
    waiting -= 1;
    clearTimeout(timer);
    if (meanwhile && $("notice-text").textContent === meanwhile) hideNotice();
    if (!waiting) document.body.classList.remove("waiting");
  }
}

export const formatSize = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

// Give the user a file.
export function save({ name, blob }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
