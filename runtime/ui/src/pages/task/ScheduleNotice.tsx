// A stage change that is to come by itself, and how to call it off.
import { useMutation, useQuery } from "@tanstack/react-query";
import { CalendarClock } from "lucide-react";
import { answer, client } from "../../api/client";
import { queryClient } from "../../api/queries";
import { scheduleQuery } from "../../api/tasks";
import { fullName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { StageMark } from "../../parts/Marks";
import { Ago, At } from "../../parts/Time";
import { say, sayError } from "../../parts/Toasts";
import type { StageColors } from "../../parts/task/CellValue";
import styles from "./TaskPage.module.css";

export function ScheduleNotice({ workflow, address, canEdit, colors }: { workflow: string; address: string; canEdit: boolean; colors: StageColors }) {
  const { data } = useQuery(scheduleQuery(workflow, address));
  const cancel = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/workflows/{workflow}/tasks/{task}/schedule", { params: { path: { workflow, task: address } } })),
    onSuccess: () => say("The stage change is called off."),
    onError: sayError,
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] }),
  });
  if (!data) return null;
  return (
    <div className={styles.schedule} role="status">
      <CalendarClock aria-hidden />
      <span className={styles.scheduleText}>
        Moves to <StageMark name={data.Stage} color={colors.get(data.Stage)} /> <span aria-live="off"><Ago at={data.at} /></span> (<At at={data.at} />
        ), set by {fullName(data.performed_by)}
      </span>
      {canEdit && (
        <Button small onPress={() => cancel.mutate()} isPending={cancel.isPending}>
          Cancel the move
        </Button>
      )}
    </div>
  );
}
