// Entry of the live lesson's page: reads what the server rendered and starts the lesson.
//
// What it is: the classroom over the official LiveKit client. What it is not: a place where anything
// is decided; every permission is the server's. If the page or the browser cannot hold a lesson,
// this says so in the page instead of leaving it empty.
import { isBrowserSupported, setLogLevel } from "livekit-client";
import { el } from "./live/dom";
import { startLesson } from "./live/lesson";
import { readPage } from "./live/page";
import { readTexts, text } from "./live/texts";
import { observe } from "./live/observe";

// The library's own messages are for its developers; ours are on the page.
setLogLevel("silent");

readTexts();
const page = readPage();
if (isBrowserSupported()) {
  const lesson = startLesson(page);
  observe(lesson.phase, lesson.room);
} else {
  page.notices.append(el("p", { class: "live-notice" }, text("browser-too-old")));
}
