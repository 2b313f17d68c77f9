/** Takes the pictures of the documentation anew: `PICTURES=../docs/pictures npx vitest run tests/pictures.test.ts`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launch } from "./browser";
import { mixedFolder } from "./files";
import { startServer } from "./server";
import { chooseFolder, createCollection, job, register } from "./steps";

const QUESTION = "why is high water later each day?";

test.runIf(process.env.PICTURES)("the pictures of the documentation", async () => {
  const folder = process.env.PICTURES ?? "";
  await mkdir(folder, { recursive: true });
  const mixed = await mixedFolder();
  const server = await startServer({}, ["--sample"]);
  const watched = await launch(server.url);
  try {
    const { page } = await watched.open({ viewport: { width: 1200, height: 720 }, reducedMotion: "reduce" });
    const take = async (name: string) => {
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
    };
    await register(page, server.url, "ada");
    // The sample is indexed meanwhile.
    await expect.poll(async () => {
      await page.goto(`${server.url}/search?q=${encodeURIComponent(QUESTION)}`);
      await page.getByText("Nothing was found").or(page.getByText("There is nothing")).or(page.getByText("Why rank 1")).first().waitFor();
      return page.locator(".hit").count();
    }, { timeout: 600_000, interval: 5_000 }).toBeGreaterThan(9);
    await take("search");
    await createCollection(page, server.url, "Mixed files");
    await chooseFolder(page, mixed.path);
    await page.getByRole("button", { name: "Add 30 files" }).click();
    await job(page).getByText("24 searchable, 6 failed").waitFor();
    await page.getByText("6 documents failed").waitFor();
    await page.getByRole("button", { name: /^Failed/ }).click();
    await page.locator(".rows .doc").nth(5).waitFor();
    await take("documents");
    await page.goto(`${server.url}/lab?q=${encodeURIComponent(QUESTION)}&a=mode%3Dboth&b=mode%3Dwords`);
    await page.getByRole("button", { name: "A 1 helps" }).click();
    await page.getByRole("button", { name: "A 3 helps" }).click();
    await page.getByRole("region", { name: "Summary" }).scrollIntoViewIfNeeded();
    await page.evaluate(() => { scrollTo(0, document.querySelector("[aria-label='Search A']")?.getBoundingClientRect().top ?? 0); });
    await take("lab");
  } finally {
    await watched.browser.close();
    await server.stop();
    await mixed.remove();
  }
}, 900_000);
