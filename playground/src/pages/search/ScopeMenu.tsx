import { useState } from "react";
import { ChevronDown, SMALL } from "../../ui/Icon";
import { Menu } from "../../ui/Menu";
import { count, number } from "../../ui/words";

interface ScopeProps {
  collections: { id: string; name: string; chunkCount: number }[];
  chosen: string[];
  onChange: (ids: string[]) => void;
}

const WITH_FILTER = 8;

/** Which collections to search: all that the viewer can read, or those ticked. */
export function ScopeMenu({ collections, chosen, onChange }: ScopeProps) {
  const [filter, setFilter] = useState("");
  const shown = collections.filter(({ name }) => name.toLowerCase().includes(filter.trim().toLowerCase()));
  const only = collections.find(({ id }) => chosen.length === 1 && id === chosen[0]);
  const label = chosen.length === 0 ? "All collections" : (only?.name ?? count(chosen.length, "collection"));

  function toggle(id: string, isChosen: boolean) {
    onChange(isChosen ? [...chosen, id] : chosen.filter((other) => other !== id));
  }

  return (
    <Menu className={`chip ${chosen.length > 0 ? "on" : ""}`} label={<><span className="clip scope-label">{label}</span> <ChevronDown {...SMALL} /></>}>
      {collections.length > WITH_FILTER && (
        <input className="input s" aria-label="Find a collection" placeholder="Find a collection" value={filter} onChange={(event) => { setFilter(event.target.value); }} />
      )}
      <button type="button" className="item" data-close onClick={() => { onChange([]); }}>All collections</button>
      {shown.map(({ id, name, chunkCount }) => (
        <label key={id} className="item check">
          <input type="checkbox" checked={chosen.includes(id)} onChange={(event) => { toggle(id, event.target.checked); }} />
          <span className="grow break">{name}</span>
          <span className="faint small num">{number(chunkCount)}</span>
        </label>
      ))}
    </Menu>
  );
}
