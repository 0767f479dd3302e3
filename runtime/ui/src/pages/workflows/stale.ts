// After a workflow was made, renamed or put away: what shows workflows is read anew.
import { useQueryClient } from "@tanstack/react-query";

export function useStaleWorkflows(): (id?: string) => Promise<void> {
  const queries = useQueryClient();
  return async (id) => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workflows"] }),
      queries.invalidateQueries({ queryKey: ["session"] }),
      ...(id ? [queries.invalidateQueries({ queryKey: ["workflow", id] })] : []),
    ]);
  };
}
