// The files of a field: those that are there, to be fetched or taken out, and new ones from this machine.
import { Paperclip, X } from "lucide-react";
import { useRef, useState } from "react";
import { FileTrigger } from "react-aria-components";
import { ROOT } from "../../api/root";
import { Button, IconButton } from "../Button";
import type { FileEntry, NewFile } from "../../model/tasks/values";
import styles from "./FilesInput.module.css";

interface FilesInputProps {
  label: string;
  files: (FileEntry | NewFile)[];
  onChange: (files: (FileEntry | NewFile)[]) => void;
  limit?: number | undefined;
}

/** How many a field takes that says nothing itself. */
const FILES_MAX = 50;

export function FilesInput({ label, files, onChange, limit = FILES_MAX }: FilesInputProps) {
  const [error, setError] = useState<string>();
  // One may choose more while the first ones are read.
  const latest = useRef(files);
  latest.current = files;
  const add = async (chosen: FileList | null) => {
    setError(undefined);
    try {
      const read = await Promise.all([...(chosen ?? [])].map(readFile));
      onChange([...latest.current, ...read]);
    } catch {
      setError("That file could not be read.");
    }
  };
  const isFull = files.length >= limit;
  return (
    <div className={styles.files}>
      <FilesList files={files} onRemove={(at) => onChange(files.filter((_, index) => index !== at))} />
      <FileTrigger allowsMultiple={limit > 1} onSelect={(chosen) => void add(chosen)}>
        <Button small icon={<Paperclip aria-hidden />} isDisabled={isFull} aria-label={`Add a file to ${label}`}>
          {isFull ? `At most ${limit}` : "Add a file"}
        </Button>
      </FileTrigger>
      {error && (
        <span className={styles.error} role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

export function FilesList({ files, onRemove }: { files: (FileEntry | NewFile)[]; onRemove?: (index: number) => void }) {
  if (files.length === 0) return null;
  return (
    <ul className={styles.list}>
      {files.map((file, index) => (
        <li key={index} className={styles.file}>
          <Paperclip aria-hidden />
          {"blobId" in file ? (
            <a className={styles.name} href={fileAddress(file)} download={file.filename}>
              {file.filename}
            </a>
          ) : (
            <span className={styles.name}>{file.filename}</span>
          )}
          {onRemove && <IconButton small label={`Take out ${file.filename}`} icon={<X />} onPress={() => onRemove(index)} />}
        </li>
      ))}
    </ul>
  );
}

export const fileAddress = (file: FileEntry) => `${ROOT}/api/v1/files/${encodeURIComponent(file.blobId)}`;

function readFile(file: File): Promise<NewFile> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onerror = () => failed(reader.error);
    reader.onload = () => {
      // `data:TYPE;base64,CONTENTS`; an empty file has no comma before its nothing.
      const [, base64contents = ""] = String(reader.result).split(",", 2);
      done({ filename: file.name, contentType: file.type || "application/octet-stream", base64contents });
    };
    reader.readAsDataURL(file);
  });
}
