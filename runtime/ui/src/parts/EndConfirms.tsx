// Asked before an execution is ended for good: where it failed, and where it goes on.
import { Confirm } from "./Dialog";

interface Props {
  isOpen: boolean;
  isPending: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function DismissConfirm(props: Props) {
  return (
    <Confirm title="Dismiss this failure" does="Dismiss" {...props}>
      <p>It counts as dealt with: nothing more is done, and it can no longer be retried. What its steps did stays as it is.</p>
    </Confirm>
  );
}

export function CancelConfirm({ isRunning, ...props }: Props & { isRunning: boolean }) {
  return (
    <Confirm title="Cancel this execution" does="Cancel the execution" danger {...props}>
      <p>The steps that are left do not run. What was done stays as it is, unless the action takes its changes back.</p>
      {isRunning && <p>A call that is under way is dropped: whether it took effect is then unknown.</p>}
    </Confirm>
  );
}
