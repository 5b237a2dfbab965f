export {
  FRAME_LENGTH_MAX,
  FRAME_VERSION,
  FrameError,
  HEADER_LENGTH,
  OPEN_FRAME_LENGTH_MAX,
  PUSH_SEQUENCE,
  encodeFrame,
  encodeFrames,
  type Allocate,
  type Frame,
  type FrameFault,
} from './frame.js';
export { FrameDecoder } from './frame-decoder.js';
