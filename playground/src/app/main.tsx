import "../ui/tokens.css";
import "../ui/base.css";
import "../ui/layout.css";
import "../ui/buttons.css";
import "../ui/cards.css";
import "../ui/tables.css";
import "../ui/forms.css";
import "../ui/overlays.css";
import "../ui/progress.css";
import "./frame.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./queries";
import { router } from "./router";
import { theme } from "./theme";

theme.apply();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
