/** Five texts for somebody who has no files at hand. */
import type { FoundFile } from "../../upload/walk";

const TEXTS: Record<string, string> = {
  "tides.md": `# Tides
The Moon pulls the ocean on the near side more strongly than on the far side. The Earth turns beneath the two bulges, so most
coasts see high water twice a day. When Sun and Moon pull in one line, the difference is largest: that is a spring tide.`,
  "sourdough.md": `# Sourdough
Wild yeast and lactic acid bacteria raise the dough without any bought yeast. A long cold rest in the refrigerator makes the
crumb open and the taste sour. Feed the starter every day with equal weights of flour and water.`,
  "bridges.md": `# Suspension bridges
The main cables carry the deck in tension and hand the load to the towers. Wind can make a light deck swing, which is why it
is stiffened with trusses. The anchorages at both ends keep the cables from pulling the towers over.`,
  "glaciers.md": `# Glaciers
Snow that lasts through many summers is pressed into ice and begins to flow downhill. It carries stones that grind the rock
below and leave valleys in the shape of a U. At its lower end the glacier melts as fast as it arrives.`,
  "bees.md": `# How bees tell where flowers are
A forager that found nectar dances on the comb. The angle of the dance to the vertical is the angle of the flight to the sun,
and the length of the waggling run is the distance.`,
};

export function sampleFiles(): FoundFile[] {
  return Object.entries(TEXTS).map(([path, text]) => ({ path, file: new File([text], path, { type: "text/markdown" }) }));
}
