// Where on the canvas something new is wanted: in the middle of what is seen.
import { useStoreApi } from "@xyflow/react";
import { rounded } from "../../model/flow/canvas";
import type { Position } from "../../model/flow/document";

export function useCanvasCentre(): () => Position {
  const store = useStoreApi();
  return () => {
    const { transform: [x, y, zoom], width, height } = store.getState();
    return rounded((width / 2 - x) / zoom, (height / 2 - y) / zoom);
  };
}
