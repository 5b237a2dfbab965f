/** Bounds of what a client may send (client-contract.md, "messaging"). */
export const MESSAGE_LIMITS = {
  messagesPerRequestMax: 50,
  clientIdLengthMax: 64,
  mentionsMax: 100,
  historyPageMax: 100,
} as const;

/** Bounds of what other services ask about groups. */
export const MEMBERSHIP_LIMITS = { wantedMax: 100 } as const;

/** Bounds of what a message says, by kind. Lengths in code points, but where something else is named. */
export const CONTENT_LIMITS = {
  textLengthMax: 4096,
  mediaBytesMax: 2 ** 30,
  /** Of a picture or film, in pixels. */
  sideMax: 32_768,
  voiceMsMax: 60_000,
  videoMsMax: 6 * 60 * 60 * 1000,
  packIdLengthMax: 64,
  fileNameLengthMax: 255,
  mediaTypeLengthMax: 127,
  latitudeMax: 90,
  longitudeMax: 180,
  labelLengthMax: 256,
  urlLengthMax: 2048,
  linkTitleLengthMax: 128,
  linkSummaryLengthMax: 512,
  customTypeLengthMax: 64,
  customBytesMax: 8 * 1024,
} as const;
