// The settings of the live page: which devices, sound only, captions, the bell.
// A native dialog: the browser keeps the focus in it, closes it on Escape and gives the focus back.
import { Room } from "livekit-client";
import { el } from "./dom";
import { keepSettings, type Settings } from "./settings";
import { text, type TextKey } from "./texts";

const kinds: readonly (readonly [MediaDeviceKind, TextKey])[] = [
  ["audioinput", "choose-microphone"],
  ["videoinput", "choose-camera"],
  ["audiooutput", "choose-speaker"],
];

/** Shows the dialog; `changed` runs after every change of a setting. */
export async function showSettings(room: Room, settings: Settings, withDevices: boolean, withCaptions: boolean, changed: () => void): Promise<void> {
  const switchFor = (name: keyof Settings, label: TextKey, hint: TextKey): HTMLElement => {
    const box = el("input", { type: "checkbox", id: `setting-${name}`, "aria-describedby": `setting-${name}-hint` });
    box.checked = settings[name];
    box.addEventListener("change", () => {
      settings[name] = box.checked;
      keepSettings(settings);
      changed();
    });
    return el("div", { class: "setting" }, box, el("label", { for: box.id }, text(label)), el("p", { id: `${box.id}-hint` }, text(hint)));
  };
  const dialog = el(
    "dialog",
    { class: "settings", "aria-labelledby": "settings-title" },
    el("h2", { id: "settings-title" }, text("settings")),
    ...(withDevices ? await deviceChoices(room) : []),
    switchFor("soundOnly", "sound-only", "sound-only-hint"),
    withCaptions ? switchFor("captions", "captions", "captions-hint") : undefined,
    switchFor("bell", "bell", "bell-hint"),
    el("form", { method: "dialog" }, el("button", { class: "button" }, text("done"))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function deviceChoices(room: Room): Promise<HTMLElement[]> {
  const fields: HTMLElement[] = [];
  for (const [kind, label] of kinds) {
    let devices: MediaDeviceInfo[] = [];
    try {
      devices = (await Room.getLocalDevices(kind, false)).filter((device) => device.label !== "");
    } catch {
      // No list, no choice: the browser's own device is used.
    }
    // Before the first permission the browser gives no names, and a list without names is no choice.
    if (devices.length < 2) continue;
    const current = room.getActiveDevice(kind);
    const choice = el("select", { id: `device-${kind}` });
    for (const device of devices) {
      const option = el("option", { value: device.deviceId }, device.label);
      option.selected = device.deviceId === current;
      choice.append(option);
    }
    choice.addEventListener("change", () => void room.switchActiveDevice(kind, choice.value).catch(() => undefined));
    fields.push(el("div", { class: "setting" }, el("label", { for: choice.id }, text(label)), choice));
  }
  return fields;
}
