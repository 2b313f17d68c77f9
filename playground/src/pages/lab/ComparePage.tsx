import { getRouteApi } from "@tanstack/react-router";
import { type SyntheticEvent, Suspense, lazy, useState, useSyncExternalStore } from "react";
import "./lab.css";
import { CompareSearchesDocument, SearchScopeDocument } from "../../api/generated/graphql";
import { useAsk, useAskEach } from "../../app/queries";
import { Code, LARGE, SMALL, Scale } from "../../ui/Icon";
import { TextArea } from "../../ui/Form";
import { Empty, Failed, Loading } from "../../ui/States";
import { useFrame } from "../../app/useFrame";
import { ConfigurationCard } from "./ConfigurationCard";
import { type Configuration, QUESTIONS, comparedBy, questionsOf, readConfiguration, searchInputs, writeConfiguration } from "./configuration";
import { JudgementMenu } from "./JudgementMenu";
import { judgements } from "./judgements";
import { LabHead } from "./LabHead";
import { QuestionTable } from "./QuestionTable";
import { Rankings } from "./Rankings";
import { DEPTH, type Compared, figuresOf } from "./figures";
import { Summary } from "./Summary";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/lab");

/** Two ways to search, asked the same questions. The address has all of it but the judgements, which stay in the browser. */
export function ComparePage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const { limits } = useFrame();
  const [isCodeOpen, setCodeOpen] = useState(false);
  const { data: scope } = useAsk(SearchScopeDocument, {}, { staleTime: 15_000 });
  const graded = useSyncExternalStore(judgements.subscribe, judgements.get);
  const questions = questionsOf(asked.q);
  const [a, b] = [readConfiguration("a", asked.a), readConfiguration("b", asked.b)];
  const by = comparedBy(a, b);
  const variables = questions.map((question) => ({ ...searchInputs(question, a, b), first: DEPTH }));
  const answers = useAskEach(CompareSearchesDocument, variables, { staleTime: 60_000 });
  const shown = Math.min(Number(asked.show ?? 1), questions.length) - 1;
  const compared = questions.map((question, index): Compared => ({ question, answer: answers[index]?.data, figures: figuresOf(answers[index]?.data, by, graded[question]) }));
  const current = compared[shown];
  // Its previous answer stays until the new one is there.
  const answer = useAsk(CompareSearchesDocument, variables[shown] ?? { ...searchInputs("", a, b), first: DEPTH }, { enabled: current !== undefined, keepsPrevious: true, staleTime: 60_000 });

  function set(changes: Partial<typeof asked>) {
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  }
  const configure = (side: "a" | "b") => (configuration: Configuration) => { set({ [side]: writeConfiguration(configuration) }); };

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const q = questionsOf(new FormData(event.currentTarget).get("q") as string).join("\n");
    void navigate({ search: (before) => ({ ...before, q: q || undefined, show: undefined }), resetScroll: false });
  }

  return (
    <>
      <LabHead title="Two searches · Lab" about="Ask two ways to search the same questions, and see which one answers better." />
      <div className="stack">
        <form className="card pad stack tight" onSubmit={submit}>
          <TextArea
            key={asked.q}
            name="q"
            label="Questions"
            rows={2}
            defaultValue={questions.join("\n")}
            placeholder="One a line"
            hint={`At most ${QUESTIONS}${limits ? `, each of at most ${limits.queryCharacters.toLocaleString("en")} characters` : ""}.`}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || questions.length > 1) return;
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }}
          />
          <div className="row wrap">
            <button type="submit" className="btn p">Compare</button>
            <span className="grow" />
            <JudgementMenu />
            {current && <button type="button" className="btn s" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>}
          </div>
        </form>
        <div className="sides">
          <ConfigurationCard side="A" configuration={a} collections={scope?.collections?.nodes ?? []} question={current?.question} onChange={configure("a")} />
          <ConfigurationCard side="B" configuration={b} collections={scope?.collections?.nodes ?? []} question={current?.question} onChange={configure("b")} />
        </div>
        {!current ? (
          <div className="card">
            <Empty icon={<Scale {...LARGE} />} title="No question yet">
              <p>Write one above, or several. Both ways to search answer them, and lines show what moved between their answers.</p>
            </Empty>
          </div>
        ) : (
          <>
            <Summary compared={compared} by={by} />
            {questions.length > 1 && <QuestionTable compared={compared} shown={shown} onShow={(index) => { set({ show: index === 0 ? undefined : String(index + 1) }); }} />}
            {answer.error ? (
              <div className="card"><Failed error={answer.error} onRetry={() => void answer.refetch()} /></div>
            ) : !answer.data ? (
              <div className="card"><Loading rows={4} /></div>
            ) : (
              <Rankings question={current.question} answer={answer.data} modes={{ a: a.mode, b: b.mode }} by={by} grades={graded[current.question] ?? {}} isStale={answer.isPlaceholderData} />
            )}
          </>
        )}
      </div>
      <Suspense>
        {isCodeOpen && variables[shown] && (
          <UseInCode title="Both searches in code" document={CompareSearchesDocument} variables={variables[shown]} onClose={() => { setCodeOpen(false); }} />
        )}
      </Suspense>
    </>
  );
}
