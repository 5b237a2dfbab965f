import { clearLine, createInterface, cursorTo, moveCursor, type Interface } from 'node:readline';

/** Where lines come from and go to. On a terminal there is a prompt that what arrives is written above of. */
export interface Screen {
  readonly terminal: boolean;
  /** Lines as they are typed, until the end of input. */
  readonly lines: AsyncIterable<string>;
  print(line: string): void;
  prompt(text: string): void;
  /** Takes the line just typed off the screen, so that it can be shown in its final form. */
  eraseTyped(): void;
  /** Told after every key stroke with what stands in the line. */
  typed(listener: (text: string) => void): void;
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  close(): void;
}

export function openScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Screen {
  const terminal = Boolean(input.isTTY && output.isTTY);
  let reader: Interface | undefined;
  // Opened late: a hidden question is asked before anything else reads the terminal.
  const open = (): Interface => (reader ??= createInterface({ input, ...(terminal ? { output } : {}), terminal }));
  let prompting = false;
  return {
    terminal,
    get lines() {
      return open();
    },
    print: (line) => {
      if (!terminal) return void output.write(`${plain(line)}\n`);
      clearLine(output, 0);
      cursorTo(output, 0);
      output.write(`${plain(line)}\n`);
      if (prompting) open().prompt(true);
    },
    prompt: (text) => {
      if (!terminal) return;
      prompting = true;
      open().setPrompt(text);
      open().prompt(true);
    },
    eraseTyped: () => {
      if (!terminal) return;
      moveCursor(output, 0, -1);
      clearLine(output, 0);
      cursorTo(output, 0);
    },
    typed: (listener) => {
      if (terminal) input.on('keypress', () => listener(open().line));
    },
    ask: (question, { hidden = false } = {}) =>
      hidden ? askHidden(question, input, output) : new Promise((resolve) => open().question(question, resolve)),
    close: () => {
      if (prompting) output.write('\n');
      prompting = false;
      reader?.close();
      input.pause();
    },
  };
}

/** What others write must not steer this terminal. */
function plain(line: string): string {
  return line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\u007f', '\b']);

function askHidden(question: string, input: NodeJS.ReadStream, output: NodeJS.WriteStream): Promise<string> {
  return new Promise((resolve, reject) => {
    output.write(question);
    input.setRawMode(true);
    input.setEncoding('utf8');
    input.resume();
    let typed = '';
    const end = (): void => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
    };
    const take = (chunk: string): void => {
      for (const character of chunk) {
        if (ENTER.has(character)) return (end(), resolve(typed));
        if (character === '\u0003') return (end(), reject(new Error('interrupted')));
        typed = ERASE.has(character) ? typed.slice(0, -1) : typed + character;
      }
    };
    input.on('data', take);
  });
}
