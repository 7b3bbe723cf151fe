// What a person chose and would not like to choose again: kept in the browser, never sent.
// Storage may be forbidden (then even naming it throws) or full; a setting that cannot be kept is merely forgotten.

export interface Settings {
  /** Ring the bell when the class opens. */
  bell: boolean;
  /** Take no video from others. */
  soundOnly: boolean;
  /** Show what the teacher says in writing, when there are captions. */
  captions: boolean;
}

const place = "preau.live";

export function readSettings(): Settings {
  const kept = read(() => window.localStorage, place) as Partial<Settings>;
  return { bell: kept.bell === true, soundOnly: kept.soundOnly === true, captions: kept.captions === true };
}

export function keepSettings(settings: Settings): void {
  keep(() => window.localStorage, place, settings);
}

/** What the teacher had switched off in this lesson, so that a reload does not switch it on again. */
export interface Silenced {
  microphone: boolean;
  camera: boolean;
}

export function readSilenced(lesson: string): Silenced {
  const kept = read(() => window.sessionStorage, `${place}.${lesson}`) as Partial<Silenced>;
  return { microphone: kept.microphone === true, camera: kept.camera === true };
}

export function keepSilenced(lesson: string, silenced: Silenced): void {
  keep(() => window.sessionStorage, `${place}.${lesson}`, silenced);
}

function read(storage: () => Storage, key: string): object {
  try {
    const value: unknown = JSON.parse(storage().getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function keep(storage: () => Storage, key: string, value: object): void {
  try {
    storage().setItem(key, JSON.stringify(value));
  } catch {
    // See the head of the file.
  }
}
