// A workflow's definition as a document: the keys of its file, with every id written.

export interface DocumentStep {
  id: string;
  name: string;
  type: string;
  [parameter: string]: unknown;
}

export interface DocumentAction {
  id: string;
  name: string;
  color: string;
  from: string[];
  position?: [number, number];
  steps: DocumentStep[];
  [key: string]: unknown;
}

export interface DocumentStage {
  id: string;
  name: string;
  color: string;
  end?: boolean;
  position?: [number, number];
  [key: string]: unknown;
}

export interface Document {
  name: string;
  id: string;
  fields?: { id: string; name: string; type: string; [key: string]: unknown }[];
  stages: DocumentStage[];
  actions?: DocumentAction[];
  [key: string]: unknown;
}
