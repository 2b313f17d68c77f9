import { Link, getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useCallback, useMemo, useRef, useState } from "react";
import "./search.css";
import { SearchDocument, SearchScopeDocument } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { useAsk, usePages, useSession } from "../../app/queries";
import { fusionConstant } from "../../text/fusion";
import { Code, FlaskConical, SMALL } from "../../ui/Icon";
import { useMedia } from "../../ui/useMedia";
import { number } from "../../ui/words";
import { LeastCosine, ModeChips } from "./Choices";
import { HitList } from "./HitList";
import { NoQuestion } from "./NoQuestion";
import { PassagePanel } from "./PassagePanel";
import { QuestionBox } from "./QuestionBox";
import { ScopeMenu } from "./ScopeMenu";
import { labSides } from "../lab/configuration";
import { type Asked, PAGE, collectionIds, inputOf } from "./question";
import { useSearchKeys } from "./useSearchKeys";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/search");

/** A question, its answers, and one passage of them. The address has all of it. */
export function SearchPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const isWide = useMedia("(width >= 1100px)");
  const { data: scope } = useAsk(SearchScopeDocument, {}, { staleTime: 15_000 });
  const search = useAnswers(asked);
  const [isCodeOpen, setCodeOpen] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  const { hits, result, constant } = search;

  const set = useCallback(
    (changes: Partial<typeof asked>, isStep = false) => {
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: !isStep, resetScroll: false });
    },
    [navigate],
  );
  const selected = asked.hit ?? (isWide ? hits[0]?.chunk.id : undefined);
  const neighbours = useNeighbours(selected);
  useSearchKeys({ list, selected, neighbours: neighbours.toggle });
  const ids = collectionIds(asked);

  return (
    <div className="search-page">
      <Heading isHidden title={asked.q ? `${asked.q} · Search` : "Search"}>Search</Heading>
      <QuestionBox value={asked.q ?? ""} onAsk={(q, isStep) => { set({ q: q || undefined, hit: undefined }, isStep); }} onDown={() => { focusFirst(list.current); }} />
      <div className="bar">
        <ScopeMenu
          collections={scope?.collections?.nodes ?? []}
          chosen={ids}
          onChange={(next) => { set({ in: next.join(",") || undefined, hit: undefined }); }}
        />
        <ModeChips mode={asked.mode} onChange={(mode) => { set({ mode, min: undefined, hit: undefined }); }} />
        <button type="button" className="chip" aria-pressed={asked.group === "doc"} onClick={() => { set({ group: asked.group ? undefined : "doc", hit: undefined }); }}>
          Group by document
        </button>
        {asked.mode === "meaning" && <LeastCosine value={asked.min} onChange={(min) => { set({ min, hit: undefined }); }} />}
        <span className="grow" />
        {asked.q && result && (
          <span className="muted num" role="status">
            {number(hits.length)}{search.hasMore ? "+" : ""} {asked.group ? (hits.length === 1 ? "document" : "documents") : hits.length === 1 ? "passage" : "passages"}
            <span className="hide-s"> · {result.tookMs.toFixed(result.tookMs < 100 ? 1 : 0)} ms</span>
          </span>
        )}
        {asked.q && <Link to="/lab" search={{ q: asked.q, ...labSides(asked) }} className="btn s hide-s"><FlaskConical {...SMALL} /> Compare</Link>}
        {asked.q && <button type="button" className="btn s" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>}
      </div>
      {!asked.q ? (
        <NoQuestion collections={scope?.collections?.nodes} inScope={ids} />
      ) : (
        <div className={selected ? "grid" : "grid alone"}>
          <HitList ref={list} asked={asked} search={search} selected={selected} onChange={set} />
          {selected && hits.length + (asked.hit ? 1 : 0) > 0 && (
            <PassagePanel
              key={selected}
              chunkId={selected}
              hit={hits.find(({ chunk }) => chunk.id === selected)}
              result={result}
              mode={asked.mode}
              constant={constant}
              onClose={asked.hit && !isWide ? () => { set({ hit: undefined }); } : undefined}
              neighbours={neighbours.open}
              onNeighbour={neighbours.show}
            />
          )}
        </div>
      )}
      <Suspense>
        {isCodeOpen && (
          <UseInCode
            title="This search in code"
            document={SearchDocument}
            variables={{ input: inputOf(asked), first: PAGE, after: null }}
            onClose={() => { setCodeOpen(false); }}
          />
        )}
      </Suspense>
    </div>
  );
}

function useAnswers(asked: Asked) {
  const { username } = useSession();
  const pages = usePages(SearchDocument, (after) => ({ input: inputOf(asked), first: PAGE, after }), {
    pageInfo: (data) => data.search?.pageInfo,
    enabled: Boolean(asked.q),
    keepsPrevious: true,
  });
  const { data } = pages;
  const hits = useMemo(() => data?.pages.flatMap(({ search }) => search?.nodes ?? []) ?? [], [data]);
  return {
    hits,
    result: data?.pages[0]?.search ?? undefined,
    constant: useMemo(() => fusionConstant(hits), [hits]),
    top: hits[0]?.score ?? 0,
    hasMore: pages.hasNextPage,
    more: () => void pages.fetchNextPage(),
    isMoreLoading: pages.isFetchingNextPage,
    isStale: pages.isPlaceholderData,
    isPending: pages.isPending,
    error: pages.error,
    retry: () => void pages.refetch(),
    isAnonymous: username === undefined,
  };
}

export type Answers = ReturnType<typeof useAnswers>;

/** Which neighbours of the passage are unfolded. Another passage begins with none. */
function useNeighbours(selected: string | undefined) {
  const [open, setOpen] = useState({ of: selected, previous: false, next: false });
  const now = open.of === selected ? open : { of: selected, previous: false, next: false };
  return {
    open: now,
    show: (which: "previous" | "next") => { setOpen({ ...now, [which]: true }); },
    toggle: (which: "previous" | "next") => { setOpen({ ...now, [which]: !now[which] }); },
  };
}

function focusFirst(list: HTMLElement | null) {
  list?.querySelector<HTMLElement>("[data-hit]")?.focus();
}
