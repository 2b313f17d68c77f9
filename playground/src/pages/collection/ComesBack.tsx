import { Link } from "@tanstack/react-router";

interface ComesBackProps {
  /** Where the documents come from that are deleted. */
  sources: readonly { id: string; name: string }[];
  collection: string;
}

/** A source brings its files again, whoever deleted their documents. */
export function ComesBack({ sources, collection }: ComesBackProps) {
  if (sources.length === 0) return null;
  const names = sources.length > 2 ? "a source" : sources.map(({ name }) => name).join(" or ");
  return (
    <p>
      What comes from {names} comes back with its next sync, as long as the file is there.{" "}
      <Link to="/collections/$id/sources" params={{ id: collection }}>Change the source</Link> to leave the file out.
    </p>
  );
}
