import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useDeferredValue, useId, useState } from "react";
import { GoToDocument } from "../api/generated/graphql";
import { Dialog } from "../ui/Dialog";
import { FileText, Library, SMALL, Search, ChevronRight } from "../ui/Icon";
import { useAsk, useSession } from "./queries";
import { useFrame } from "./useFrame";

interface Target {
  key: string;
  label: string;
  detail?: string;
  icon: typeof Search;
  go: () => void;
}

/** *Go to…*: pages, collections and documents by name, or a search for what was typed. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const targets = useTargets(text.trim());
  const listId = useId();
  const at = Math.min(chosen, targets.length - 1);

  function go(target: Target | undefined) {
    if (!target) return;
    onClose();
    target.go();
  }

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setChosen((at + step + targets.length) % Math.max(targets.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(targets[at]);
    }
  }

  return (
    <Dialog title="Go to…" onClose={onClose}>
      <input
        className="input"
        role="combobox"
        aria-label="Name of a page, a collection or a document"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={targets[at] ? `${listId}-${at}` : undefined}
        autoFocus
        value={text}
        placeholder="A page, a collection, a document, a question"
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={listId} className="palette" role="listbox" aria-label="Places">
        {targets.map((target, index) => {
          const Icon = target.icon;
          return (
            // The keyboard stays in the box, which says which option is chosen.
            <li
              key={target.key}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === at}
              onClick={() => { go(target); }}
              onPointerMove={() => { setChosen(index); }}
            >
              <Icon {...SMALL} /> <span className="grow clip">{target.label}</span>
              {target.detail && <span className="faint small clip">{target.detail}</span>}
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

function useTargets(text: string): Target[] {
  const navigate = useNavigate();
  const { username } = useSession();
  const { isAdministrator } = useFrame();
  const asked = useDeferredValue(text);
  const { data } = useAsk(GoToDocument, { text: asked }, { enabled: asked.length > 1, keepsPrevious: true });

  const page = (label: string, go: () => unknown): Target => ({
    key: label,
    label,
    icon: ChevronRight,
    go: () => { go(); },
  });
  const pages = [
    page("Search", () => navigate({ to: "/search", search: {} })),
    page("Collections", () => navigate({ to: "/collections", search: {} })),
    ...(username
      ? [
          page("Activity", () => navigate({ to: "/activity", search: {} })),
          page("Account and sessions", () => navigate({ to: "/account" })),
          page("API keys", () => navigate({ to: "/account/keys" })),
          page("New API key", () => navigate({ to: "/account/keys/new", search: {} })),
        ]
      : [page("Sign in", () => navigate({ to: "/sign-in", search: {} }))]),
    ...(isAdministrator
      ? [
          page("Users", () => navigate({ to: "/admin/users", search: {} })),
          page("Audit log", () => navigate({ to: "/admin/audit", search: {} })),
          page("Health of the server", () => navigate({ to: "/admin/server" })),
        ]
      : []),
    page("Lab: two searches", () => navigate({ to: "/lab", search: {} })),
    page("Lab: two ways to cut", () => navigate({ to: "/lab/chunking", search: {} })),
    page("API", () => navigate({ to: "/api" })),
  ];
  if (text.length < 2) return pages.filter(({ label }) => contains(label, text));

  const collections = (data?.collections?.nodes ?? []).map(({ id, name }): Target => ({
    key: id,
    label: name,
    detail: "Collection",
    icon: Library,
    go: () => void navigate({ to: "/collections/$id/documents", params: { id }, search: {} }),
  }));
  const documents = (data?.within?.nodes ?? []).flatMap(({ id, name, documents }) =>
    documents.nodes.map((found): Target => ({
      key: found.id,
      label: found.fileName,
      detail: name,
      icon: FileText,
      go: () => void navigate({ to: "/collections/$id/documents/$documentId", params: { id, documentId: found.id }, search: {} }),
    })),
  );
  const question: Target = {
    key: "question",
    label: `Search for “${text}”`,
    icon: Search,
    go: () => void navigate({ to: "/search", search: { q: text } }),
  };
  return [...pages.filter(({ label }) => contains(label, text)), ...collections, ...documents, question];
}

function contains(label: string, text: string): boolean {
  return label.toLowerCase().includes(text.toLowerCase());
}
