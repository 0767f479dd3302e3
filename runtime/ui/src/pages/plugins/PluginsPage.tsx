// The plugins that the server has found: what each is, where it came from, how it is, and what to do where it is not used.
import { useQuery } from "@tanstack/react-query";
import { Plug } from "lucide-react";
import { ApiError, type Schemas, answer, client } from "../../api/client";
import { stepTypesQuery } from "../../api/queries";
import { MODES, ORIGINS, PINS, PLUGIN_STATES, advice, inOrder } from "../../model/runs/plugins";
import { CopyButton } from "../../parts/Copy";
import { Fact, Facts } from "../../parts/Facts";
import { Badge } from "../../parts/Marks";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { StepIcon } from "../../parts/StepIcon";
import { Words } from "../../parts/Words";
import styles from "./Plugins.module.css";

type Plugin = Schemas["Plugin"];

const pluginsQuery = { queryKey: ["plugins"], queryFn: () => answer(client.GET("/api/v1/plugins")), refetchInterval: 15_000 };

export function Component() {
  const { data, error, isPending, refetch } = useQuery(pluginsQuery);
  return (
    <main id="main">
      <Page title="Plugins">
        <p className={styles.quiet}>Libraries that bring step types. The server looks at them when it starts.</p>
        {data ? (
          data.length > 0 ? (
            <ul className={styles.list}>
              {inOrder(data).map((plugin) => (
                <li key={plugin.file}>
                  <PluginCard plugin={plugin} />
                </li>
              ))}
            </ul>
          ) : (
            <Empty icon={<Plug aria-hidden />} title="No plugins">
              Those that ship with Onward stand beside its program; your own go into the folder that <code>plugins.folder</code> names.
            </Empty>
          )
        ) : isPending ? (
          <Loading what="The list" />
        ) : error instanceof ApiError && error.status === 403 ? (
          <Empty icon={<Plug aria-hidden />} title="Only administrators see the plugins" />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )}
      </Page>
    </main>
  );
}

function PluginCard({ plugin }: { plugin: Plugin }) {
  const state = PLUGIN_STATES[plugin.state];
  const isBad = plugin.state === "refused" || plugin.state === "quarantined";
  const todo = advice(plugin);
  const pin = PINS[plugin.pin];
  return (
    <section className={styles.card} aria-label={plugin.name}>
      <header className={styles.head}>
        <h2>{plugin.name}</h2>
        {plugin.version && <span className={styles.quiet}>{plugin.version}</span>}
        <Badge tone={state.tone}>{state.name}</Badge>
      </header>
      {todo && (
        <Notice kind={isBad ? "bad" : plugin.state === "disabled" ? "info" : "warn"}>
          {plugin.message && (
            <span>
              <Words text={sentence(plugin.message)} />
            </span>
          )}
          <span>
            <Words text={todo} />
          </span>
          {plugin.code && <code className={styles.code}>{plugin.code}</code>}
        </Notice>
      )}
      {plugin.step_types.length > 0 && <StepTypes ids={plugin.step_types} />}
      <div className={styles.facts}>
        <Facts>
          <Fact name="From">{ORIGINS[plugin.origin]}</Fact>
          <Fact name="Runs">
            <span title={MODES[plugin.isolation].says}>{MODES[plugin.isolation].name}</span>
          </Fact>
          <Fact name="Pin">{pin.tone === "quiet" ? pin.name : <Badge tone={pin.tone}>{pin.name}</Badge>}</Fact>
          {plugin.sha256 && (
            <Fact name="SHA-256">
              <code title={plugin.sha256}>{plugin.sha256.slice(0, 16)}…</code>
              <CopyButton text={plugin.sha256} look="quiet" />
            </Fact>
          )}
          <Fact name="File" isWide>
            <code>{plugin.file}</code>
          </Fact>
        </Facts>
      </div>
    </section>
  );
}

function StepTypes({ ids }: { ids: string[] }) {
  const { data } = useQuery(stepTypesQuery);
  return (
    <ul className={styles.types} aria-label="Step types">
      {ids.map((id) => {
        const type = data?.find((it) => it.id === id);
        return (
          <li key={id}>
            <StepIcon type={id} />
            <span className={styles.type}>
              <span>
                <strong>{type?.name ?? id}</strong> <code className={styles.code}>{id}</code>
              </span>
              {type && (
                <span className={styles.quiet}>
                  <Words text={type.summary} />
                </span>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** The server's words as a sentence of their own. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
