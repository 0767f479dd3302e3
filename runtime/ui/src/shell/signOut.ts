// Signing out: the session ends, and nothing that was read stays.
import { ApiError, answer, client } from "../api/client";
import { ROOT } from "../api/root";
import { sayError } from "../parts/Toasts";

export async function signOut(): Promise<void> {
  try {
    await answer(client.DELETE("/api/v1/session"));
  } catch (error) {
    // Who is not signed in any more has what they wanted.
    if (!(error instanceof ApiError && error.status === 401)) return sayError(error);
  }
  // The page is loaded anew, so that whoever comes next finds nothing in its memory.
  location.assign(`${ROOT}/sign-in`);
}
