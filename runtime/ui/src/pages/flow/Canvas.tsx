// The canvas: draws what the document says, and tells the document what was dragged, connected and selected.
import { Background, BackgroundVariant, type Connection, ConnectionMode, type EdgeChange, MarkerType, MiniMap, type NodeChange, ReactFlow, applyNodeChanges, useReactFlow, useStore } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { place, rounded, thingOf, toCanvas } from "../../model/flow/canvas";
import type { FlowDocument, Position } from "../../model/flow/document";
import { type Thing, canConnect, connect } from "../../model/flow/edit";
import { NODE_HEIGHT, nodeWidth, shownAt, spotNear } from "../../model/flow/layout";
import { type Box, pathThrough, route } from "../../model/flow/route";
import { type Placed, about } from "../../model/flow/problems";
import { dotColor, fillColors } from "../../model/color";
import { IconButton } from "../../parts/Button";
import styles from "./Canvas.module.css";
import { type FlowEdge, edgeTypes } from "./edges";
import { type FlowNode, nodeTypes } from "./nodes";
import { useBuilder } from "./state";
import { pinned } from "./Toolbar";

const ZOOM = { min: 0.2, max: 2 };
const FIT = { padding: 0.25, maxZoom: 1 };
/** How much wider or higher the canvas becomes, or less so, before everything is fitted into it anew. */
const RESIZED = 0.2;

function nodesOf(document: FlowDocument, problems: Placed[], selected: string[]): FlowNode[] {
  const positions = shownAt(document);
  return toCanvas(document).nodes.map((node) => {
    const { kind } = node.part;
    const part = node.part.kind === "stage" ? node.part.stage : node.part.action;
    const [x, y] = positions.get(node.id)!;
    const own = about(problems, kind, part.id);
    return {
      id: node.id,
      type: kind,
      position: { x, y },
      initialWidth: nodeWidth(part.name),
      initialHeight: NODE_HEIGHT,
      selected: selected.includes(node.id),
      ariaLabel: `${kind === "stage" ? "Stage" : "Action"} ${part.name}`,
      data: {
        name: part.name,
        color: part.color,
        isEnd: node.part.kind === "stage" && !!node.part.stage.end,
        problems: own.filter((it) => it.level === "problem").length,
        findings: own.filter((it) => it.level === "finding").length,
      },
    };
  });
}

/** Arrows go round things as they are drawn, also while one of them is dragged. */
function edgesOf(document: FlowDocument, nodes: FlowNode[], selected: string[]): FlowEdge[] {
  const boxes = new Map(nodes.map((node): [string, Box] => [node.id, { ...node.position, width: node.measured?.width ?? node.initialWidth ?? 0, height: node.measured?.height ?? NODE_HEIGHT }]));
  const names = new Map(toCanvas(document).nodes.map((it) => [it.id, it.part.kind === "stage" ? it.part.stage.name : it.part.action.name]));
  return toCanvas(document).edges.map((edge) => {
    const [from, to] = [boxes.get(edge.source), boxes.get(edge.target)];
    const others = [...boxes].filter(([id]) => id !== edge.source && id !== edge.target).map(([, box]) => box);
    const isSelected = selected.includes(edge.id);
    return {
      id: edge.id,
      source: edge.source,
      target: edge.target,
      type: "arrow",
      selected: isSelected,
      data: { kind: edge.kind, path: from && to ? pathThrough(route(from, to, others)) : "" },
      ariaLabel: `From ${names.get(edge.source)} to ${names.get(edge.target)}`,
      markerEnd: { type: MarkerType.ArrowClosed, width: 18, height: 18, color: isSelected ? "var(--accent)" : "var(--arrow)" },
    };
  });
}

export function Canvas() {
  const { document, problems, selected, selectIds, edit, isReadOnly } = useBuilder();
  const drawn = useMemo(() => nodesOf(document, problems, selected), [document, problems, selected]);
  const [nodes, setNodes] = useState(drawn);
  const edges = useMemo(() => edgesOf(document, nodes, selected), [document, nodes, selected]);
  // What the canvas has measured of a node stays with it.
  useEffect(() => setNodes((before) => drawn.map((node) => ({ ...before.find((it) => it.id === node.id), ...node }))), [drawn]);
  const isByHand = useRef(false);
  const latest = useRef({ selected });
  latest.current.selected = selected;

  const select = useCallback(
    (changes: { id: string; selected: boolean }[]) => {
      const next = new Set(latest.current.selected);
      for (const change of changes) if (change.selected) next.add(change.id); else next.delete(change.id);
      latest.current.selected = [...next];
      selectIds(latest.current.selected);
    },
    [selectIds],
  );
  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      const selections = changes.flatMap((it) => (it.type === "select" ? [{ id: it.id, selected: it.selected }] : []));
      if (selections.length > 0) select(selections);
      setNodes((before) => applyNodeChanges(changes.filter((it) => it.type === "position" || it.type === "dimensions"), before));
      const dropped = changes.flatMap((it) => (it.type === "position" && !it.dragging && it.position ? [[it.id, rounded(it.position.x, it.position.y)] as [string, Position]] : []));
      if (dropped.length > 0 && !isReadOnly) edit((it) => place(pinned(it), new Map(dropped)), `place ${dropped.map(([id]) => id).join()}`);
    },
    [edit, isReadOnly, select],
  );
  const onEdgesChange = useCallback(
    (changes: EdgeChange<FlowEdge>[]) => {
      const selections = changes.flatMap((it) => (it.type === "select" ? [{ id: it.id, selected: it.selected }] : []));
      if (selections.length > 0) select(selections);
    },
    [select],
  );
  const onConnect = useCallback(
    ({ source, target }: Connection) => {
      const [from, to] = [thingOf(source), thingOf(target)];
      if (!from || !to) return;
      let made: Thing | undefined;
      edit((before) => {
        const done = connectAt(before, from, to);
        made = done.made === undefined ? undefined : { kind: "action", id: done.made };
        return done.document;
      });
      if (made) selectIds([`action:${made.id}`]);
    },
    [edit, selectIds],
  );

  return (
    <div
      className={styles.canvas}
      data-canvas
      onPointerDownCapture={({ target }) => {
        if (target instanceof Element && target.closest(".react-flow__minimap")) isByHand.current = true;
      }}
    >
      <ReactFlow<FlowNode, FlowEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        nodeOrigin={[0.5, 0.5]}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onConnect={onConnect}
        onMove={(event) => {
          // Without an event, it is the page that moves the view.
          if (event) isByHand.current = true;
        }}
        isValidConnection={({ source, target }) => {
          const [from, to] = [thingOf(source), thingOf(target)];
          return !!from && !!to && canConnect(from, to);
        }}
        connectionMode={ConnectionMode.Loose}
        connectionRadius={36}
        nodesConnectable={!isReadOnly}
        nodesDraggable={!isReadOnly}
        deleteKeyCode={null}
        selectionKeyCode="Shift"
        multiSelectionKeyCode={["Control", "Meta"]}
        snapToGrid
        snapGrid={[4, 4]}
        minZoom={ZOOM.min}
        maxZoom={ZOOM.max}
        fitView
        fitViewOptions={FIT}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1} color="var(--dots)" />
        <MiniMap<FlowNode>
          className={styles.minimap!}
          position="top-right"
          pannable
          zoomable
          ariaLabel="Overview of the flow"
          nodeBorderRadius={8}
          nodeStrokeWidth={4}
          nodeColor={(node) => (node.type === "action" ? fillColors(node.data.color).background : "var(--surface)")}
          nodeStrokeColor={(node) => (node.type === "action" ? "transparent" : dotColor(node.data.color))}
        />
        <Zoom isByHand={isByHand} />
      </ReactFlow>
    </div>
  );
}

/** An arrow; an action that comes of it stands between the two stages. */
export function connectAt(document: FlowDocument, from: Thing, to: Thing) {
  const positions = shownAt(document);
  const [one, other] = [positions.get(`${from.kind}:${from.id}`), positions.get(`${to.kind}:${to.id}`)];
  if (from.kind !== "stage" || to.kind !== "stage" || !one || !other) return connect(pinned(document), from, to);
  const between = rounded((one[0] + other[0]) / 2, (one[1] + other[1]) / 2);
  const target = toCanvas(document).nodes.find((it) => it.id === `stage:${to.id}`)?.part;
  const name = target?.kind === "stage" ? `Move to ${target.stage.name}` : "";
  return connect(pinned(document), from, to, spotNear(document, between, name));
}

/** Whoever has chosen a part of the flow to look at keeps it; otherwise all of it is seen, also when a phone is turned. */
function Zoom({ isByHand }: { isByHand: RefObject<boolean> }) {
  const flow = useReactFlow();
  const [width, height] = [useStore((it) => it.width), useStore((it) => it.height)];
  const fitted = useRef({ width: 0, height: 0 });
  useEffect(() => {
    if (width === 0 || height === 0) return;
    const { current: before } = fitted;
    const isFirst = before.width === 0;
    const isMuch = Math.abs(width / before.width - 1) > RESIZED || Math.abs(height / before.height - 1) > RESIZED;
    if (isFirst || isMuch) fitted.current = { width, height };
    if (!isFirst && isMuch && !isByHand.current) void flow.fitView(FIT);
  }, [flow, width, height, isByHand]);

  const slowly = { duration: 150 };
  const zoom = (by: "zoomIn" | "zoomOut") => {
    isByHand.current = true;
    void flow[by](slowly);
  };
  const showAll = () => {
    isByHand.current = false;
    void flow.fitView({ ...slowly, ...FIT });
  };
  return (
    <div className={styles.zoom} role="group" aria-label="Zoom">
      <IconButton label="Zoom in" icon={<ZoomIn />} onPress={() => zoom("zoomIn")} />
      <IconButton label="Zoom out" icon={<ZoomOut />} onPress={() => zoom("zoomOut")} />
      <IconButton label="Show all" icon={<Maximize />} onPress={showAll} />
    </div>
  );
}
