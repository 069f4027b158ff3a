// In: the page. Out: the dashboard in it. What needs a start is started here, once.
import "@fontsource/be-vietnam-pro/vietnamese-400.css";
import "@fontsource/be-vietnam-pro/latin-400.css";
import "@fontsource/be-vietnam-pro/latin-ext-400.css";
import "@fontsource/be-vietnam-pro/vietnamese-600.css";
import "@fontsource/be-vietnam-pro/latin-600.css";
import "@fontsource/be-vietnam-pro/latin-ext-600.css";
import "@fontsource/ibm-plex-mono/latin-400.css";
import "@fontsource/ibm-plex-mono/latin-ext-400.css";
import "@fontsource/ibm-plex-mono/vietnamese-400.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/views.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Refusal } from "./api/client";
import { watchBuild } from "./app/build";
import { keepFocus } from "./app/focus";
import { onKeyDown } from "./app/keys";
import { Login } from "./app/login";
import { SessionProvider, useMe } from "./app/session";
import { Shell } from "./app/shell";
import { preload } from "./app/views";
import { startLanguages } from "./i18n";
import { Loading, Trouble } from "./parts/panel";

// Whoever signs in for the first time meets it; nobody else needs its script before opening their account.
const Setup = lazy(async () => ({ default: (await import("./views/account")).Setup }));

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // The stream says when something changed; focus and remounting do not ask again.
      refetchOnWindowFocus: false,
      staleTime: 10_000,
      retry: (failures, error) => !(error instanceof Refusal && error.status < 500) && failures < 2,
    },
  },
});

function App() {
  const me = useMe();
  if (me.data) {
    return (
      <SessionProvider me={me.data}>
        {me.data.setup ? (
          <Suspense fallback={<Loading />}>
            <Setup />
          </Suspense>
        ) : (
          <Shell />
        )}
      </SessionProvider>
    );
  }
  if (me.data === null) return <Login />;
  if (me.isError) {
    return (
      <main className="login">
        <div className="login-card">
          <Trouble error={me.error} retry={() => void me.refetch()} />
        </div>
      </main>
    );
  }
  return <Loading />;
}

watchBuild();
window.addEventListener("keydown", onKeyDown);
keepFocus();
preload(window.location.hash);
await startLanguages();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
