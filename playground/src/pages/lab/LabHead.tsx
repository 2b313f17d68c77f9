import { Link } from "@tanstack/react-router";
import { Heading } from "../../app/Heading";

/** The head of both pages of the Lab. */
export function LabHead({ title, about }: { title: string; about: string }) {
  return (
    <>
      <div className="head">
        <div className="grow">
          <Heading title={title}>Lab</Heading>
          <p className="muted">{about}</p>
        </div>
      </div>
      <nav className="tabs" aria-label="Lab">
        <Link to="/lab" search={{}} activeOptions={{ exact: true, includeSearch: false }}>Two searches</Link>
        <Link to="/lab/chunking" search={{}} activeOptions={{ includeSearch: false }}>Two ways to cut</Link>
      </nav>
    </>
  );
}
