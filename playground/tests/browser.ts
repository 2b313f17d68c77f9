/** A headless Chromium that notes whatever must not happen in any test. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };
export const SMALLEST = { width: 320, height: 568 };
/** For whatever the server does in the background, in a debug build. */
export const PATIENCE = { timeout: 120_000 };

export interface Watched {
  browser: Browser;
  /** Console errors, uncaught exceptions, violations of the policy, and requests to anywhere but the server. */
  faults: string[];
  open: (options?: BrowserContextOptions) => Promise<{ context: BrowserContext; page: Page }>;
}

export async function launch(serverUrl: string): Promise<Watched> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`There is no browser at ${CHROMIUM}. Install one with: apt-get install chromium`);
  }
  const { host, hostname } = new URL(serverUrl);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    timeout: 120_000,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`,
    ],
  });
  const faults: string[] = [];

  return {
    browser,
    faults,
    async open(options = {}) {
      const context = await browser.newContext({ viewport: WIDE, permissions: ["clipboard-read", "clipboard-write"], ...options });
      context.setDefaultTimeout(PATIENCE.timeout);
      context.on("request", (request) => {
        const target = new URL(request.url());
        if (!["data:", "blob:"].includes(target.protocol) && target.host !== host) faults.push(`request to ${request.url()}`);
      });
      context.on("console", (message) => {
        // What the server refuses on purpose is an error for the browser, but not for the page.
        if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
      });
      context.on("weberror", (fault) => faults.push(`uncaught: ${fault.error().message}`));
      await context.exposeBinding("reportViolation", (_, violation: string) => { faults.push(`policy: ${violation}`); });
      await context.addInitScript(() => {
        addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
          (window as unknown as { reportViolation: (violation: string) => void }).reportViolation(`${violatedDirective} ${blockedURI}`);
        });
      });
      return { context, page: await context.newPage() };
    },
  };
}
