// The school bell: one soft stroke when the class opens, only for those who asked for it.
// Made of three decaying partials, so that no sound file has to be loaded.

/** Rings once. Silence, not an error, where the browser allows no sound yet. */
export function ring(): void {
  try {
    const context = new AudioContext();
    const now = context.currentTime;
    // Partials of a small hand bell: ratio to the strike note, loudness, seconds to die away.
    for (const [ratio, loudness, seconds] of [[1, 0.12, 2.2], [2.76, 0.05, 1.2], [5.4, 0.02, 0.6]] as const) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = 523 * ratio;
      volume.gain.setValueAtTime(loudness, now);
      volume.gain.exponentialRampToValueAtTime(0.0001, now + seconds);
      tone.connect(volume).connect(context.destination);
      tone.start(now);
      tone.stop(now + seconds);
    }
    window.setTimeout(() => void context.close(), 3_000);
  } catch {
    // No Web Audio: the notice on the page says the same thing.
  }
}
