// A link that is shown once: who follows it, and until when.
import type { Schemas } from "../../api/client";
import { CopyBlock } from "../../parts/Copy";
import { Notice } from "../../parts/States";
import { Ago, At } from "../../parts/Time";

export function LinkShown({ made }: { made: Schemas["NewInvitation"] }) {
  return (
    <>
      <Notice kind="warn" title="This link is shown once">
        Give it to {made.email} yourself: whoever has it becomes them. It can be followed once, and ends <Ago at={made.expires_at} /> (
        <At at={made.expires_at} />).
      </Notice>
      <CopyBlock text={made.link} label="Copy the link" />
    </>
  );
}
