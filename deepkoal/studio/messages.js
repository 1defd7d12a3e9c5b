// Saying what happens: to all, to those who listen, and while something takes long.

import { Failure } from "./server.js";

const $ = (id) => document.getElementById(id);
const PATIENCE = 200; // ms after which waiting is shown

let waiting = 0;

// Tell a screen reader.
export function tell(message) {
  $("status").textContent = message;
}

export function fail(error) {
  if (!(error instanceof Failure)) console.error(error);
  $("error-text").textContent = error.message;
  $("error").classList.add("shown");
}

export function hideError() {
  $("error").classList.remove("shown");
  $("error-text").textContent = "";
}

$("error-close").addEventListener("click", hideError);

// Do something that may take a while or fail; tell either. Null where it failed.
export async function attempt(work) {
  waiting += 1;
  const timer = setTimeout(() => document.body.classList.add("waiting"), PATIENCE);
  try {
    return await work();
  } catch (error) {
    fail(error);
    return null;
  } finally {
    waiting -= 1;
    clearTimeout(timer);
    if (!waiting) document.body.classList.remove("waiting");
  }
}
