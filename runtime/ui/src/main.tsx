// The entry: what every page needs, then the page that the address says.
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider, createBrowserRouter } from "react-router";
import { queryClient } from "./api/queries";
import { ROOT } from "./api/root";
import { routes } from "./routes";
import { applyTheme, storedTheme } from "./shell/theme";
import "./styles/tokens.css";
import "./styles/base.css";

applyTheme(storedTheme());

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={createBrowserRouter(routes, { basename: ROOT || "/" })} />
    </QueryClientProvider>
  </StrictMode>,
);
