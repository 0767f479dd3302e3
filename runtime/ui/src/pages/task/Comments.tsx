// What people say about the task. What is half written is kept, also when the page is left.
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useRef } from "react";
import { answer, client } from "../../api/client";
import { queryClient } from "../../api/queries";
import { commentsQuery } from "../../api/tasks";
import { Button } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { Avatar } from "../../parts/Marks";
import { Card } from "../../parts/Page";
import { Failed, Loading, Notice } from "../../parts/States";
import { Ago } from "../../parts/Time";
import { hasNoAnswer, told } from "../../parts/Toasts";
import { taskDrafts, useKept } from "../../parts/useKept";
import { mentionsOf } from "../../model/tasks/mentions";
import type { People } from "../../parts/task/people";
import styles from "./Comments.module.css";

interface CommentsProps {
  workflow: string;
  address: string;
  people: People;
  canEdit: boolean;
}

export function Comments({ workflow, address, people, canEdit }: CommentsProps) {
  const comments = useQuery(commentsQuery(workflow, address));
  return (
    <Card title="Comments">
      {comments.data ? (
        comments.data.length === 0 ? (
          <p className={styles.quiet}>Nobody has said anything yet.</p>
        ) : (
          <ol className={styles.list}>
            {comments.data.map((comment, index) => (
              <li key={index} className={styles.comment}>
                <Avatar name={comment.author} />
                <div className={styles.content}>
                  <div className={styles.head}>
                    <strong>{comment.author}</strong>
                    <span className={styles.quiet}>
                      <Ago at={comment.timestamp} />
                    </span>
                  </div>
                  <p className={styles.body}>
                    {mentionsOf(comment.body, people.list.map((it) => it.name)).map((part, at) => (part.isMention ? <mark key={at}>{part.text}</mark> : part.text))}
                  </p>
                </div>
              </li>
            ))}
          </ol>
        )
      ) : comments.isError ? (
        <Failed error={comments.error} onRetry={() => void comments.refetch()} />
      ) : (
        <Loading what="Comments" />
      )}
      {canEdit && <NewComment workflow={workflow} address={address} />}
    </Card>
  );
}

function NewComment({ workflow, address }: { workflow: string; address: string }) {
  const [body, setBody, forget] = useKept(`${taskDrafts(workflow, address)}comment`, () => "");
  const latest = useRef(body);
  latest.current = body;
  const send = useMutation({
    mutationFn: (sent: string) => answer(client.POST("/api/v1/workflows/{workflow}/tasks/{task}/comments", { params: { path: { workflow, task: address } }, body: { body: sent } })),
    onSuccess: (_, sent) => {
      // What was typed meanwhile stays.
      if (latest.current === sent) {
        setBody("");
        forget();
      }
    },
    // Also without an answer: it may be there all the same.
    onSettled: () => void queryClient.invalidateQueries({ queryKey: commentsQuery(workflow, address).queryKey }),
  });
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (body.trim() && !send.isPending) send.mutate(body);
  };
  return (
    <form className={styles.form} onSubmit={submit} onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event)}>
      {send.isError && (
        <Notice kind="bad" title={hasNoAnswer(send.error) ? "Whether this was said is not known" : undefined}>
          {told(send.error)} {hasNoAnswer(send.error) && "Look for it above before you say it once more."}
        </Notice>
      )}
      <TextField label="New comment" hideLabel value={body} onChange={setBody} rows={3} placeholder="Say something; @First Last tells somebody" />
      <div>
        <Button type="submit" look="primary" small isPending={send.isPending} isDisabled={!body.trim()}>
          Comment
        </Button>
      </div>
    </form>
  );
}
