// A question over the screen. Focus goes in, stays in, and returns to where it was; keys below are silent meanwhile.
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { type Bindings, useKeys } from "../app/keys";
import { useWords } from "../i18n";
import { Icon } from "./icons";

type Props = { title: string; onClose: () => void; keys?: Bindings; wide?: boolean; children: ReactNode };

function Layer({ keys }: { keys: Bindings }) {
  useKeys(keys, { modal: true });
  return null;
}

export function Dialog({ title, onClose, keys = {}, wide = false, children }: Props) {
  const { t } = useWords();
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className={wide ? "modal modal-wide" : "modal"}>
        <AriaDialog className="dialog">
          <Layer keys={keys} />
          <header className="dialog-head">
            <Heading slot="title">{title}</Heading>
            <button type="button" className="button-quiet" onClick={onClose} aria-label={t("act.cancel")}>
              <Icon name="close" />
            </button>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
