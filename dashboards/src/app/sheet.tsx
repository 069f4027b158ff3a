// What slides over the lower half of a phone: every screen and the tools. Focus goes in, stays in, and returns.
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useWords } from "../i18n";
import { Icon } from "../parts/icons";

export function Sheet({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const { t } = useWords();
  return (
    <ModalOverlay className="overlay overlay-sheet" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className="sheet rail">
        <AriaDialog>
          <header className="sheet-head">
            <Heading slot="title">{title}</Heading>
            <button type="button" className="rail-tool" onClick={onClose} aria-label={t("act.hide")}>
              <Icon name="close" />
            </button>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
