/** What people do in the app again and again. */
import type { Locator, Page } from "playwright-core";

export const password = "correct horse battery staple";

export async function register(page: Page, url: string, name: string): Promise<void> {
  await page.goto(`${url}/register`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("E-mail").fill(`${name}@example.org`);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.waitForURL(/\/collections/);
}

/** Returns its address. */
export async function createCollection(page: Page, url: string, name: string): Promise<string> {
  await page.goto(`${url}/collections`);
  await page.getByRole("button", { name: "New collection" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create the collection" }).click();
  await page.waitForURL(/\/documents/);
  return new URL(page.url()).pathname.replace(/\/documents$/, "");
}

/** On the page of a collection's documents. */
export async function chooseFolder(page: Page, path: string): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).click();
  await (await chooser).setFiles(path);
}

/** The card of files that are on their way. */
export const job = (page: Page): Locator => page.locator(".job");
