import "../activity/activity.css";
import { CollectionOperationsDocument } from "../../api/generated/graphql";
import { usePages } from "../../app/queries";
import { Activity, LARGE } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { OperationTable } from "../activity/OperationTable";
import { useCollection } from "./context";

export function CollectionActivityPage() {
  const { id } = useCollection();
  const pages = usePages(CollectionOperationsDocument, (after) => ({ id, first: 30, after }), {
    pageInfo: (data) => data.collection?.operations.pageInfo,
    every: 2_000,
  });
  const operations = pages.data?.pages.flatMap(({ collection }) => collection?.operations.nodes ?? []) ?? [];
  if (pages.error) return <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>;
  if (pages.isPending) return <div className="card"><Loading /></div>;
  if (operations.length === 0) {
    return <div className="card"><Empty icon={<Activity {...LARGE} />} title="Nothing has happened yet"><p>When documents are added or deleted, it is listed here.</p></Empty></div>;
  }
  return (
    <>
      <OperationTable operations={operations} withCollection={false} />
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
    </>
  );
}
