import { Link, getRouteApi } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import "./keys.css";
import { type Action, CreateKeyDocument, KeyCollectionsDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { useAsk } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { Complaints, SelectField, TextField } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { number } from "../../ui/words";
import { ACTION_WORDS, OF_KEYS, PURPOSES } from "./actions";
import { NewSecret } from "./NewSecret";

const route = getRouteApi("/account/keys/new");
const DAY = 86_400_000;
/** About what a search costs, in points; `extensions.cost` says it exactly. */
const SEARCH_POINTS = 150;

/** What for, where, for how long, how much: then the secret, once. */
export function NewKeyPage() {
  const { collection } = route.useSearch();
  const { data } = useAsk(KeyCollectionsDocument, {});
  const { limits } = useFrame();
  const work = useWork();
  const [purpose, setPurpose] = useState("search");
  const [custom, setCustom] = useState<Action[]>(["COLLECTION_READ"]);
  const [chosen, setChosen] = useState<string[]>(collection ? [collection] : []);
  const [isEverywhere, setEverywhere] = useState(!collection);
  const [days, setDays] = useState<"30" | "90" | "365" | "never">("90");
  const [perMinute, setPerMinute] = useState("");
  const [made, setMade] = useState<{ secret: string; actions: Action[]; name: string }>();

  const preset = PURPOSES.find(({ id }) => id === purpose);
  const actions = purpose === "custom" ? custom : (preset?.actions ?? []);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = (form.get("name") as string).trim();
    const budget = (form.get("pointsBudget") as string).trim();
    work.run(async () => {
      const { secret } = await change(CreateKeyDocument, {
        input: {
          name,
          actions,
          collectionIds: isEverywhere ? null : chosen,
          expiresAt: days === "never" ? null : new Date(Date.now() + Number(days) * DAY).toISOString(),
          pointsPerMinute: perMinute ? Number(perMinute) : null,
          pointsBudget: budget || null,
        },
      });
      if (secret) setMade({ secret, actions, name });
    });
  }

  if (made) return <NewSecret {...made} collectionId={isEverywhere ? undefined : chosen[0]} />;
  const searches = Math.floor(Number(perMinute || (limits?.pointsPerMinute ?? 0)) / SEARCH_POINTS);
  return (
    <>
      <div className="crumb"><Link to="/account/keys">API keys</Link> ›</div>
      <div className="head"><div className="grow"><Heading>New API key</Heading></div></div>
      <form className="card pad form key-form" onSubmit={submit}>
        <fieldset>
          <legend>1. What is it for?</legend>
          <div className="purposes">
            {PURPOSES.map(({ id, name, about }) => (
              <label key={id} className={`card purpose ${purpose === id ? "on" : ""}`}>
                <input type="radio" name="purpose" value={id} checked={purpose === id} onChange={() => { setPurpose(id); }} />
                <span><strong>{name}</strong><br /><span className="muted small">{about}</span></span>
              </label>
            ))}
          </div>
          {purpose === "custom" && (
            <div className="actions-list">
              {OF_KEYS.map((action) => (
                <label key={action} className="check">
                  <input
                    type="checkbox"
                    checked={custom.includes(action)}
                    onChange={({ target }) => { setCustom(target.checked ? [...custom, action] : custom.filter((other) => other !== action)); }}
                  />
                  <span>{ACTION_WORDS[action]}</span>
                </label>
              ))}
            </div>
          )}
          <p className="muted small">It may {actions.map((action) => ACTION_WORDS[action]).join(", ") || "nothing yet"}.</p>
        </fieldset>
        <fieldset>
          <legend>2. In which collections?</legend>
          <label className="check"><input type="radio" name="where" checked={isEverywhere} onChange={() => { setEverywhere(true); }} /><span>All that I can use, later ones too</span></label>
          <label className="check"><input type="radio" name="where" checked={!isEverywhere} onChange={() => { setEverywhere(false); }} /><span>Only these</span></label>
          {!isEverywhere && (
            <div className="actions-list">
              {(data?.collections?.nodes ?? []).map(({ id, name }) => (
                <label key={id} className="check">
                  <input
                    type="checkbox"
                    checked={chosen.includes(id)}
                    onChange={({ target }) => { setChosen(target.checked ? [...chosen, id] : chosen.filter((other) => other !== id)); }}
                  />
                  <span className="break">{name}</span>
                </label>
              ))}
            </div>
          )}
        </fieldset>
        <fieldset>
          <legend>3. For how long, and how much?</legend>
          <div className="stack">
            <SelectField name="expiresAt" label="Expires" value={days} options={[["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"], ["never", "never"]]} onChange={setDays} complaints={work.complaints} />
            <TextField
              name="pointsPerMinute"
              label="Points a minute (optional)"
              type="number"
              min={1}
              value={perMinute}
              placeholder={limits ? number(limits.pointsPerMinute) : ""}
              hint={searches > 0 ? `About ${number(searches)} searches a minute.` : "Less than one search a minute."}
              onChange={({ target }) => { setPerMinute(target.value); }}
              complaints={work.complaints}
            />
            <TextField name="pointsBudget" label="Points in all (optional)" type="number" min={1} placeholder="no limit" complaints={work.complaints} />
          </div>
        </fieldset>
        <TextField name="name" label="4. Its name" key={purpose} defaultValue={preset?.id === "custom" ? "" : preset?.name} required autoComplete="off" complaints={work.complaints} />
        <Complaints of={work.complaints} except={["name", "expiresAt", "pointsPerMinute", "pointsBudget"]} />
        <div className="row">
          <button type="submit" className="btn p" disabled={work.isBusy || actions.length === 0 || (!isEverywhere && chosen.length === 0)}>Create the key</button>
          <Link to="/account/keys" className="btn">Cancel</Link>
        </div>
      </form>
    </>
  );
}
