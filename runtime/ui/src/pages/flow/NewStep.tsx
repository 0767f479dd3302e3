// The menu of all step types, built in and from plugins: in groups, with icons.
import { Plus } from "lucide-react";
import { useCallback } from "react";
import { Button as AriaButton } from "react-aria-components";
import type { Action } from "../../model/flow/document";
import { grouped } from "../../model/flow/steps";
import { StepIcon } from "../../parts/StepIcon";
import panel from "./Panel.module.css";
import { SearchMenu } from "./SearchMenu";
import { useBuilder } from "./state";

export function NewStep({ action }: { action: Action }) {
  const { stepTypes, openStep } = useBuilder();
  const groupsFor = useCallback(
    (search: string) =>
      grouped(stepTypes, search).map((group) => ({
        id: group.id,
        title: group.title,
        entries: group.types.map((type) => ({ id: type.id, name: type.name, icon: <StepIcon type={type.id} /> })),
      })),
    [stepTypes],
  );
  return (
    <SearchMenu label="Step types" search="Search step types" none="No step type is called so." groupsFor={groupsFor} onChoose={(type) => openStep({ action: action.id, type })}>
      <AriaButton className={panel.add!}>
        <Plus aria-hidden />
        New step
      </AriaButton>
    </SearchMenu>
  );
}
