// Where on the canvas something new is put: in the middle of what is seen, beside what is there already.
import { useStoreApi } from "@xyflow/react";
import { rounded } from "../../model/flow/canvas";
import type { Position } from "../../model/flow/document";

const STEP = 56;

export function useCanvasCentre(): () => Position {
  const store = useStoreApi();
  return () => {
    const { transform: [x, y, zoom], width, height, nodes } = store.getState();
    const middle = { x: (width / 2 - x) / zoom, y: (height / 2 - y) / zoom };
    const isTaken = () => nodes.some((node) => Math.abs(node.position.x - middle.x) < 90 && Math.abs(node.position.y - middle.y) < STEP - 8);
    for (let tries = 0; isTaken() && tries < 40; tries++) middle.y += STEP;
    return rounded(middle.x, middle.y);
  };
}
