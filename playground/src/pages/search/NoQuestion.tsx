import { Link } from "@tanstack/react-router";
import { useSession } from "../../app/queries";
import { LARGE, Library, Search } from "../../ui/Icon";
import { Empty, Loading } from "../../ui/States";
import { count } from "../../ui/words";
import { SAMPLE, SAMPLE_QUESTIONS } from "./sample";

interface NoQuestionProps {
  collections: { id: string; name: string; chunkCount: number; documentCount: number; isPublic: boolean }[] | undefined;
  inScope: string[];
}

/** Before the first question: what can be searched, and what to ask. */
export function NoQuestion({ collections, inScope }: NoQuestionProps) {
  const { username } = useSession();
  if (!collections) return <Loading rows={4} />;
  const searchable = collections.filter(({ id, chunkCount }) => chunkCount > 0 && (inScope.length === 0 || inScope.includes(id)));
  if (searchable.length === 0) {
    return (
      <div className="card">
        <Empty icon={<Library {...LARGE} />} title="There is nothing to search yet">
          {username ? (
            <>
              <p>Drop files or a folder on this page, or make a collection first.</p>
              <Link to="/collections" search={{}} className="btn p">Add documents</Link>
            </>
          ) : (
            <>
              <p>No collection is public. Sign in to search your own.</p>
              <Link to="/sign-in" search={{}} className="btn p">Sign in</Link>
            </>
          )}
        </Empty>
      </div>
    );
  }
  const sample = searchable.find(({ name, isPublic }) => name === SAMPLE && isPublic);
  return (
    <div className="no-question">
      {sample && (
        <section className="stack tight">
          <h2>Try a question</h2>
          <ul className="questions">
            {SAMPLE_QUESTIONS.map((question) => (
              <li key={question}>
                <Link to="/search" search={(before) => ({ ...before, q: question })} className="card question"><Search size={16} aria-hidden /> {question}</Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="stack tight">
        <h2>What you can search</h2>
        <ul className="places">
          {searchable.slice(0, 12).map(({ id, name, documentCount, chunkCount }) => (
            <li key={id}>
              <Link to="/search" search={{ in: id }} className="card place">
                <strong className="break">{name}</strong>
                <span className="muted small">{count(documentCount, "document")} · {count(chunkCount, "passage")}</span>
              </Link>
            </li>
          ))}
        </ul>
        {!username && <p className="muted">You see public collections. <Link to="/sign-in" search={{}}>Sign in</Link> to search your own as well.</p>}
      </section>
    </div>
  );
}
