"""The data of messages about the record itself; they come on the topic of the message that they name."""

from pydantic import Field

from consumers.contract.values import Id, Text, WireModel


class MessageVoidedData(WireModel):
    """An earlier message of the same subject was wrong and counts as never sent."""

    voided_source: Id = Field(alias="source", description="The source of the message that was wrong.")
    voided_id: Id = Field(alias="id", description="The id of the message that was wrong.")
    reason: Text = Field(description="What was wrong with it.")
