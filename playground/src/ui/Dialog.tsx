import { type ReactNode, useEffect, useId, useRef } from "react";
import { SMALL, X } from "./Icon";

interface DialogProps {
  title: string;
  onClose: () => void;
  isWide?: boolean;
  children: ReactNode;
}

/** A modal dialog that is open as long as it is rendered. The focus goes back where it was when it closes. */
export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  return (
    <dialog
      ref={dialog}
      className={isWide ? "wide" : undefined}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="title">
        <h2 id={titleId} className="grow break">{title}</h2>
        <button type="button" className="btn ghost s icon" aria-label="Close" onClick={onClose}>
          <X {...SMALL} />
        </button>
      </div>
      <div className="body stack">{children}</div>
    </dialog>
  );
}
