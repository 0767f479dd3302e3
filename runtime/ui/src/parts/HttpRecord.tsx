// What an attempt keeps of its call: the request and the answer, how long each part took, and the same as a command.
// Also what a plugin's step keeps. Used wherever a record is shown: executions, a task's activity, a step's test.
import { useState, type ReactNode } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { ChevronRight } from "lucide-react";
import { type Call, type CallRecord, type Header, bytes, curl as curlOf, cutOff, headerOf, readRecord, statusText } from "../model/runs/record";
import { pieces, prettyJson, prettyValue } from "../model/runs/pretty";
import { Button } from "./Button";
import { CopyButton } from "./Copy";
import { CallTiming } from "./CallTiming";
import styles from "./HttpRecord.module.css";

interface HttpRecordProps {
  /** An attempt's, a try's or a trial's `record`, as the API has it. */
  record: unknown;
  /** The same call as a command, where the API says it. */
  curl?: string | null;
}

export function HttpRecord({ record, curl }: HttpRecordProps) {
  const read = readRecord(record);
  if (!read) return <p className={styles.none}>Nothing is kept of it.</p>;
  return (
    <div className={styles.record}>
      {read.plugin && <PluginPart plugin={read.plugin} />}
      {read.calls.map((call, index) => (
        <CallPart key={index} call={call} command={(read.calls.length === 1 && curl) || curlOf(call)} number={read.calls.length > 1 ? index + 1 : null} />
      ))}
      {read.other !== undefined && <Block label="What was kept" text={prettyValue(read.other)} />}
    </div>
  );
}

function PluginPart({ plugin }: { plugin: NonNullable<CallRecord["plugin"]> }) {
  const hasParams = typeof plugin.params === "object" && plugin.params !== null && Object.keys(plugin.params).length > 0;
  return (
    <>
      {plugin.note && <p className={styles.note}>{plugin.note}</p>}
      {hasParams && <Block label="What it was given" text={prettyValue(plugin.params)} />}
      {plugin.details !== undefined && <Block label="What it said of it" text={prettyValue(plugin.details)} />}
    </>
  );
}

function CallPart({ call, command, number }: { call: Call; command: string; number: number | null }) {
  const { request, response, timing } = call;
  const cut = response && cutOff(response.body, response.headers, response.incomplete);
  const location = response && response.status >= 300 && response.status < 400 ? headerOf(response.headers, "location") : undefined;
  const tone = !response ? "bad" : response.status < 300 ? "good" : response.status < 400 ? "warn" : "bad";
  return (
    <section className={styles.call} aria-label={number ? `Call ${number}` : "Call"}>
      <div className={styles.sides}>
        <Side title="Request">
          <div className={styles.line}>
            <strong>{request.method}</strong> <Marked text={request.url} />
          </div>
          {request.proxy && <p className={styles.quiet}>{request.proxy === "direct" ? "Past the server's proxy" : `Through the proxy ${request.proxy}`}</p>}
          {request.tls?.certificate && <p className={styles.quiet}>With a client certificate</p>}
          <Headers headers={request.headers} />
          <Body text={request.body} cut={cutOff(request.body, request.headers)} of="request" />
        </Side>
        <Side title="Answer">
          {response ? (
            <>
              <div className={styles.line}>
                <strong className={styles[tone]}>{statusText(response.status)}</strong>
              </div>
              {location && (
                <p className={styles.quiet}>
                  It points to <Marked text={location} />
                </p>
              )}
              <Headers headers={response.headers} />
              <Body text={response.body} cut={cut} of="answer" />
            </>
          ) : (
            <p className={styles.bad}>No answer came.</p>
          )}
        </Side>
      </div>
      <div className={styles.foot}>
        <CallTiming timing={timing} sent={bytes(call.bytesSent)} received={bytes(call.bytesReceived)} />
        <div className={styles.copy}>
          <CopyButton text={command} label="Copy as curl" />
          {command.includes("[redacted]") && <span className={styles.quiet}>Secrets are left out of it</span>}
        </div>
      </div>
    </section>
  );
}

function Side({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={styles.side}>
      <h4 className={styles.title}>{title}</h4>
      {children}
    </div>
  );
}

function Headers({ headers }: { headers: Header[] }) {
  if (headers.length === 0) return null;
  return (
    <Disclosure>
      <Heading level={5} className={styles.heading!}>
        <AriaButton slot="trigger" className={styles.trigger!}>
          <ChevronRight aria-hidden />
          Headers <span className={styles.count}>{headers.length}</span>
        </AriaButton>
      </Heading>
      <DisclosurePanel>
        <dl className={styles.list}>
          {headers.map(([name, value], index) => (
            <div key={index}>
              <dt>{name}</dt>
              <dd>
                <Marked text={value} />
              </dd>
            </div>
          ))}
        </dl>
      </DisclosurePanel>
    </Disclosure>
  );
}

function Body({ text, cut, of }: { text: string; cut: string | undefined; of: "request" | "answer" }) {
  const [isRaw, setRaw] = useState(false);
  if (!text) return <p className={styles.none}>Without a body</p>;
  const pretty = prettyJson(text);
  return (
    <>
      <Block
        label={`Body of the ${of}`}
        text={isRaw ? text : (pretty ?? text)}
        action={
          <>
            {pretty !== null && pretty !== text && (
              <Button small look="quiet" onPress={() => setRaw(!isRaw)}>
                {isRaw ? "Set out" : "As it was"}
              </Button>
            )}
            <CopyButton text={text} look="quiet" />
          </>
        }
      />
      {cut && <p className={styles.cut}>{cut}</p>}
    </>
  );
}

function Block({ label, text, action }: { label: string; text: string; action?: ReactNode }) {
  return (
    <div className={styles.block}>
      <div className={styles.blockHead}>
        <span>{label}</span>
        <span className={styles.blockActions}>{action}</span>
      </div>
      <pre tabIndex={0} role="group" aria-label={label}>
        <Marked text={text} />
      </pre>
    </div>
  );
}

/** A text in which what was redacted stands out. */
function Marked({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((piece, index) =>
        piece.isRedacted ? (
          <mark key={index} className={styles.redacted} title="A secret, which is not kept">
            redacted
          </mark>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}
