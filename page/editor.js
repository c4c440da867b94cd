// The editor of the page: CodeMirror in a custom element, `<code-editor label="Application">`.
//
// CodeMirror makes style sheets as the page runs. In a shadow root it constructs them, which the page's
// Content-Security-Policy allows; in a document it would insert style elements, which that forbids.

import { defaultKeymap, history, historyKeymap, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, indentService, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Annotation, Compartment, EditorState, RangeSet, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  GutterMarker,
  gutterLineClass,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--paper)", fontSize: "0.85rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--code)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-content ::selection": { backgroundColor: "light-dark(#b9d3f8, #27405f)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--soft)", borderRight: "1px solid var(--rule)" },
  ".cm-activeLine": { backgroundColor: "light-dark(#1a56b00d, #8ab8ff14)" },
  ".cm-specialChar": { color: "var(--bad)" },
  ".cm-lineNumbers .cm-gutterElement": { position: "relative", padding: "0 0.4em 0 1.5em" },
  ".cm-line.fault": { backgroundColor: "var(--bad-ground)", textDecoration: "underline wavy var(--bad) 1px" },
  ".cm-gutterElement.fault": { backgroundColor: "var(--bad-ground)", color: "var(--bad)", fontWeight: "700" },
  ".cm-gutterElement.fault::before": { content: "'\\2715'", position: "absolute", left: "0.4em" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "light-dark(#134a98, #9cc4ff)" },
  { tag: [tags.string, tags.content], color: "light-dark(#17602f, #93d9a8)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.labelName, tags.typeName], color: "light-dark(#86198f, #e5a8ee)" },
  { tag: tags.meta, color: "light-dark(#7a4a00, #f2c069)" },
]);

// The grammar does not know yet that what follows `key:` or `key: |` at the end of a line belongs to the key.
const deeperBelowKey = indentService.of((context, at) => {
  const found = /^((?: |- )*)[^#]*:(?:\s+[|>][-+0-9]*)?\s*$/.exec(context.lineAt(at, -1).text);
  return found ? found[1].length + context.unit : undefined;
});

// If Chromium replaces selected text by typed text, it keeps the look of the old text in a style attribute, which the
// Content-Security-Policy refuses with a message. So the selection is replaced here.
const typingOverSelection = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const typed = event.inputType === "insertText" && !view.composing && event.data;
    if (!typed || view.state.selection.main.empty) return false;
    view.dispatch(view.state.replaceSelection(typed), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

const setFaults = StateEffect.define();
/** Marks a change that nobody has typed. */
const silent = Annotation.define();
const faultLine = Decoration.line({ class: "fault" });
const faultNumber = new (class extends GutterMarker {
  elementClass = "fault";
})();

const faultyLines = StateField.define({
  create: () => [],
  update(starts, transaction) {
    for (const effect of transaction.effects) if (effect.is(setFaults)) return effect.value;
    return transaction.docChanged ? starts.map((start) => transaction.changes.mapPos(start)) : starts;
  },
  provide: (field) => [
    EditorView.decorations.compute([field, "doc"], (state) => marked(state, field, faultLine)),
    gutterLineClass.compute([field, "doc"], (state) => marked(state, field, faultNumber)),
  ],
});

function marked(state, field, mark) {
  const starts = new Set(state.field(field).map((at) => state.doc.lineAt(Math.min(at, state.doc.length)).from));
  return RangeSet.of([...starts].sort((one, other) => one - other).map((at) => mark.range(at)));
}

const host = new CSSStyleSheet();
host.replaceSync(
  ":host { display: block } .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }",
);

/** A text field for YAML. It fires `change` after somebody has typed. */
export class CodeEditor extends HTMLElement {
  #view;
  #faults = [];
  #said = document.createElement("p");
  #attributes = new Compartment();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [host];
    this.#said.id = "faults";
    this.#said.className = "unseen";
    this.#view = new EditorView({ root, parent: root, state: this.#state("") });
    root.append(this.#said);
  }

  connectedCallback() {
    this.#describe();
  }

  /** The text. To set it forgets the faults, and fires nothing. Undo brings back what was there before. */
  get value() {
    return this.#view.state.doc.toString();
  }

  set value(text) {
    const { doc } = this.#view.state;
    this.#faults = [];
    this.#view.dispatch({
      changes: { from: 0, to: doc.length, insert: text },
      selection: { anchor: 0 },
      effects: [setFaults.of([]), EditorView.scrollIntoView(0)],
      annotations: [silent.of(true), isolateHistory.of("full"), Transaction.addToHistory.of(doc.length > 0)],
    });
    this.#describe();
  }

  /** The faults, each with a `line` from 1 on and a `sentence`. Their lines are marked. */
  get faults() {
    return this.#faults;
  }

  set faults(faults) {
    this.#faults = faults;
    const { doc } = this.#view.state;
    const starts = faults.map(({ line }) => doc.line(Math.min(line, doc.lines)).from);
    this.#view.dispatch({ effects: setFaults.of(starts) });
    this.#describe();
  }

  /** Goes to a line, counted from 1. */
  focusLine(number) {
    const { doc } = this.#view.state;
    const { from } = doc.line(Math.max(1, Math.min(number, doc.lines)));
    this.#view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.#view.focus();
  }

  focus() {
    this.#view.focus();
  }

  #state(doc) {
    return EditorState.create({
      doc,
      extensions: [
        lineNumbers(),
        history(),
        highlightActiveLine(),
        // Shows characters that one does not see, such as those that turn the direction of the text.
        highlightSpecialChars(),
        yaml(),
        syntaxHighlighting(colours),
        indentUnit.of("  "),
        deeperBelowKey,
        typingOverSelection,
        faultyLines,
        theme,
        // Tab leaves the editor, because people who use the keyboard alone could not leave it otherwise.
        keymap.of([...defaultKeymap, ...historyKeymap]),
        this.#attributes.of(this.#named()),
        EditorView.updateListener.of((update) => {
          const typed = update.transactions.some((one) => one.docChanged && !one.annotation(silent));
          if (typed) this.dispatchEvent(new Event("change"));
        }),
      ],
    });
  }

  #named() {
    return EditorView.contentAttributes.of({
      "aria-label": this.getAttribute("label") ?? "Text",
      "aria-describedby": "faults",
      ...(this.#faults.length ? { "aria-invalid": "true" } : {}),
      // It is in the order of Tab anyway, but tools that judge pages look for the attribute.
      tabindex: "0",
    });
  }

  #describe() {
    this.#said.textContent = this.#faults.map(({ line, sentence }) => `Line ${line}: ${sentence}.`).join(" ");
    this.#view.dispatch({ effects: this.#attributes.reconfigure(this.#named()) });
  }
}

customElements.define("code-editor", CodeEditor);
